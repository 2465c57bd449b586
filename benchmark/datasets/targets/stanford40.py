"""Target Action."""

from benchmark.specs.datasets import Target

entry = Target(
    name="stanford40",
    title="Action",
    classes=40,
    train=4000,
    test=5532,
    metric="top1",
    source="http://vision.stanford.edu/Datasets/40actions.html",
    licence="research only, see source",
    citation=("Yao et al., Human Action Recognition by Learning Bases of Action Attributes and Parts, ICCV 2011"),
    split="official split: ImageSplits/<class>_train.txt and ImageSplits/<class>_test.txt",
)
