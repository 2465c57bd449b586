"""How much of the paper a run pays for. A profile fixes engine, images, recipe, lengths, k and patience."""

from benchmark.errors import UnknownName
from benchmark.specs import (
    SGD,
    AdamW,
    Augmentation,
    Backbone,
    CleanProbe,
    CodedEpochs,
    Cosine,
    Embedding,
    Epochs,
    Length,
    Metric,
    Precision,
    Probe,
    ProtocolName,
    Recipe,
    ReleasedProbe,
    SimCLR,
    Spec,
    Steps,
)


class Lengths(Spec):
    """How long each kind of row is trained. `assumed` names the fields that the paper does not state."""

    retrieval: Length
    target: Length
    openset: Length
    both: Length
    fixed: Length
    stopped: Length
    assumed: tuple[str, ...] = ()


def equal_lengths(steps: int) -> Lengths:
    """Every row the same number of optimiser steps; the retrieval encoder is then the X row itself."""
    length = Steps(steps=steps)
    return Lengths(retrieval=length, target=length, openset=length, both=length, fixed=length, stopped=length)


class Assumption(Spec):
    """A value that the paper does not state, for the targets named (all of them if none is)."""

    field: str
    why: str
    targets: tuple[str, ...] = ()


class Profile(Spec):
    """A budget. `coded` is None where the released epoch rule has no meaning (its constants are ImageNet's).

    `pairs_per_second` is the assumed training rate of one device, for cost estimates only.
    """

    name: str
    summary: str
    standins: bool
    protocol: ProtocolName
    recipe: Recipe
    steps: int | None
    coded: Lengths | None = None
    embedding: Embedding
    k: int
    patience: int
    released_probe: dict[str, float | int]
    paper: bool = False
    assumptions: tuple[Assumption, ...] = ()
    pairs_per_second: float
    rate_source: str

    def probe(self, kind: str, metric: Metric) -> Probe:
        """The linear probe of protocol `kind` for a target with `metric`."""
        if kind == "clean":
            return CleanProbe(embedding=self.embedding, metric=metric)
        return ReleasedProbe(
            embedding=self.embedding,
            metric=metric,
            # The released probe only crops and flips.
            augmentation=self.recipe.augmentation.model_copy(
                update={"jitter_probability": 0.0, "grey_probability": 0.0}
            ),
            optimiser=SGD(lr=10.0),
            precision="float32",
            **self.released_probe,  # type: ignore[arg-type]
        )


def _small_recipe(
    backbone: str, size: int, stored: int, steps: int, *, lr: float, jitter: float, precision: Precision
) -> Recipe:
    return Recipe(
        engine="lightly",
        method=SimCLR(temperature=0.2, batchnorm=True),
        backbone=Backbone(name=backbone, library="timm"),
        augmentation=Augmentation(size=size, stored=stored, jitter=(jitter, jitter, jitter, jitter / 4)),
        optimiser=AdamW(lr=lr, weight_decay=1e-4),
        schedule=Cosine(per="step", warmup_steps=10),
        length=Steps(steps=steps),
        batch=64,
        precision=precision,
    )


SMOKE = Profile(
    name="smoke",
    summary="every cell through the real pipeline on rendered stand-in images, minutes on two cores",
    standins=True,
    protocol="clean",
    recipe=_small_recipe("test_resnet", 32, 40, 40, lr=1e-3, jitter=0.4, precision="float32"),
    steps=40,
    embedding=Embedding(resize=36, crop=32, stored=40),
    # A class of the stand-ins has about as many centroids as it would have with 100 on the paper's targets.
    k=10,
    patience=2,
    released_probe={"epochs": 20, "batch": 32},
    pairs_per_second=500,
    rate_source="test_resnet at 32 px on one CPU core",
)

MINI = Profile(
    name="mini",
    summary="real images on two cores or one GPU, hours",
    standins=False,
    protocol="clean",
    # Tuned on pets3's train split and X + random alone: results/mini/tuning.jsonl, by scripts/tune_mini.py.
    recipe=_small_recipe("resnet10t", 48, 64, 400, lr=2e-3, jitter=0.2, precision="bfloat16"),
    steps=400,
    embedding=Embedding(resize=55, crop=48, stored=64),
    # 100 centroids and patience 20 would take 2,000 of 16 thousand images before the rule may stop.
    k=20,
    patience=5,
    released_probe={"epochs": 100, "batch": 64},
    pairs_per_second=200,
    rate_source="ResNet-10-T at 48 px in bfloat16 on one CPU core",
)

_CODED = CodedEpochs()

PAPER = Profile(
    name="paper",
    summary="the published recipe on the real datasets, GPU-months",
    standins=False,
    protocol="released",
    recipe=Recipe(
        engine="solo-learn",
        method=SimCLR(temperature=0.07),
        backbone=Backbone(name="resnet50", library="torchvision"),
        augmentation=Augmentation(size=224),
        optimiser=SGD(lr=0.1, weight_decay=1e-4),
        schedule=Cosine(per="epoch"),
        length=_CODED,
        batch=512,
        precision="float16",
        # Both views of 512 images are concatenated before they are scattered to four GPUs: 1,024 / 4 crops.
        batchnorm_group=256,
    ),
    steps=None,
    coded=Lengths(
        retrieval=Epochs(epochs=1000),
        target=Epochs(epochs=5000),
        openset=Epochs(epochs=100),
        both=Epochs(epochs=200),
        fixed=_CODED,
        stopped=_CODED,
        assumed=("openset", "fixed"),
    ),
    embedding=Embedding(resize=256, crop=224),
    k=100,
    patience=20,
    # The authors' four GPUs: train_sup.py refuses fewer than two, and DataParallel cuts the batch among them.
    released_probe={"epochs": 100, "batch": 256, "batchnorm_group": 64},
    paper=True,
    assumptions=(
        Assumption(
            field="optimiser",
            why="the released checkpoint of Faces holds two buffers per weight, as of Adam; run_selfsup.sh says SGD",
            targets=("celeba",),
        ),
    ),
    pairs_per_second=186,
    rate_source="one RTX 3090, from the authors' '4 days on 4 GPUs' for 200 epochs of X+OS",
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (SMOKE, MINI, PAPER)}


def find_profile(name: str) -> Profile:
    """The profile called `name`; `UnknownName` otherwise."""
    if name not in PROFILES:
        raise UnknownName("profile", name, list(PROFILES))
    return PROFILES[name]
