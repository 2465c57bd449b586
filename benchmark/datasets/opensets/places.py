"""Open-set Places365."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="places",
    title="Places365",
    images=8_026_628,
    source="http://places2.csail.mit.edu/",
    licence="research only: images belong to their owners, see source",
    citation="Zhou et al., Places: A 10 Million Image Database for Scene Recognition, IEEE TPAMI 2018",
    note="Places365-Challenge at 256 px; the released script lists 8 files to delete",
)
