"""Target Food."""

from benchmark.specs.datasets import Target

entry = Target(
    name="food11",
    title="Food",
    classes=11,
    train=13_296,
    test=3347,
    metric="top1",
    source="https://www.kaggle.com/datasets/trolukovich/food11-image-dataset",
    licence="research only, see source",
    citation=(
        "Singla et al., Food/Non-food Image Classification and Food Categorization using Pre-Trained "
        "GoogLeNet Model, MADiMa 2016"
    ),
    split="train = training and validation folders merged, test = evaluation folder",
)
