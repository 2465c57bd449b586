"""Target Indoor."""

from benchmark.specs.datasets import Target

entry = Target(
    name="mit67",
    title="Indoor",
    classes=67,
    train=5360,
    test=1340,
    metric="mean_per_class",
    source="https://web.mit.edu/torralba/www/indoor.html",
    licence="research only, see source",
    citation="Quattoni and Torralba, Recognizing Indoor Scenes, CVPR 2009",
    split="official split: TrainImages.txt (80 a class) and TestImages.txt (20 a class)",
)
