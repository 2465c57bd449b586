"""Open-set WebVision."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="webvision",
    title="WebVision",
    images=2_446_037,
    source="https://data.vision.ee.ethz.ch/cvl/webvision/",
    licence="research only: images belong to their owners, see source",
    citation=("Li et al., WebVision Database: Visual Learning and Understanding from Web Data, arXiv 1708.02862, 2017"),
    note="WebVision 1.0: the folders of the Google and the Flickr queries",
)
