"""Open-set WebFG-496."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="webfg",
    title="WebFG-496",
    images=53_339,
    source="https://github.com/NUST-Machine-Intelligence-Laboratory/weblyFG-dataset",
    licence="research only: images belong to their owners, see source",
    citation=("Sun et al., Webly Supervised Fine-Grained Recognition: Benchmark Datasets and An Approach, ICCV 2021"),
    note="the train splits of web-aircraft, web-bird and web-car, classes of the same name merged",
)
