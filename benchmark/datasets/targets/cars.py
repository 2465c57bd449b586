"""Target Cars."""

from benchmark.specs.datasets import Target

entry = Target(
    name="cars",
    title="Cars",
    classes=196,
    train=8144,
    test=8041,
    metric="top1",
    source="https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
    licence="research only, see source",
    citation="Krause et al., 3D Object Representations for Fine-Grained Categorization, ICCV workshops 2013",
    split="official split: the test flag of cars_annos.mat",
)
