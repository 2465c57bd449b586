"""How much of the paper a run pays for. A profile fixes images, scale, lengths, k and patience."""

from benchmark.errors import UnknownName
from benchmark.methods import METHODS
from benchmark.planning.recipes import (
    Assumption,
    ResolvedRecipe,
    Scale,
    check_engine_name,
    check_network,
    published_setup,
    small_setup,
)
from benchmark.specs.base import ProtocolName, Spec
from benchmark.specs.recipes import Backbone, Embedding, Precision
from benchmark.training.backbone_names import find_backbone


class QuickEncoder(Spec):
    """The encoder that `sample` pretrains where nothing else is asked for: optimiser steps and the side of the crops in
    pixels. It sees smaller crops than a table's encoder, and more of them in the same time."""

    steps: int
    crop: int


class Profile(Spec):
    """A budget. `scale` is None in the paper profile, which runs methods as they are published. `quick` is the encoder
    of a first coreset, None where that is the table's.

    `pairs_per_second` is the assumed training rate of one device, for cost estimates only.
    """

    name: str
    summary: str
    standins: bool
    protocol: ProtocolName
    scale: Scale | None
    steps: int | None
    embedding: Embedding
    k: int
    patience: int
    released_probe: dict[str, float | int]
    paper: bool = False
    quick: QuickEncoder | None = None
    assumptions: tuple[Assumption, ...] = ()
    pairs_per_second: float
    rate_source: str

    def setup(
        self,
        method: str = "simclr",
        backbone: str | None = None,
        engine: str | None = None,
        precision: Precision | None = None,
    ) -> ResolvedRecipe:
        """A method as this profile runs it, on the network it is published with or on `backbone`; `engine` and
        `precision` where they are not to be the profile's.

        Raises UnknownName for an unknown method or backbone, UserError for a network that the method cannot train.
        """
        entry = METHODS.get(method)
        requested = entry.published.backbone if backbone is None else find_backbone(backbone)
        if requested.name == entry.published.backbone.name:
            requested = entry.published.backbone
        check_network(entry, requested)
        check_engine_name(entry, engine)
        if self.scale is None:
            setup = published_setup(entry, requested, engine, self.embedding, self.assumptions)
        else:
            setup = small_setup(entry, requested, engine, self.embedding, self.scale, self.steps or 0)
        return setup if precision is None else setup.at(precision)

    def quick_setup(self, precision: Precision | None = None) -> ResolvedRecipe:
        """SimCLR as the encoder of a first coreset is trained by it."""
        setup = self.setup(precision=precision)
        return setup if self.quick is None else setup.with_crops(self.quick.crop)


def _timm(name: str, **sizes: int) -> Backbone:
    return Backbone(name=name, library="timm", **sizes)  # type: ignore[arg-type]


SMOKE = Profile(
    name="smoke",
    summary="every cell through the real pipeline on rendered stand-in images, minutes on two cores",
    standins=True,
    protocol="clean",
    scale=Scale(
        size=32,
        stored=40,
        lr=1e-3,
        jitter=0.4,
        precision="float32",
        networks={
            "resnet50": _timm("test_resnet"),
            "resnet18": _timm("test_byobnet"),
            "resnext50_32x4d": _timm("test_nfnet"),
            "resnet101": _timm("test_convnext"),
            "efficientnet_b0": _timm("test_efficientnet"),
            "vit_tiny_patch16_224": _timm("test_vit", image_size=32, patch_size=8),
            "vit_base_patch16_224": _timm("test_vit", image_size=32, patch_size=8),
        },
    ),
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
    scale=Scale(
        size=48,
        stored=64,
        lr=2e-3,
        jitter=0.2,
        # Many CPUs lack bfloat16: what is meant for any of them is float32.
        precision="float32",
        networks={
            "resnet50": _timm("resnet10t"),
            "vit_tiny_patch16_224": _timm("vit_tiny_patch16_224", image_size=48, patch_size=8),
            "vit_base_patch16_224": _timm("vit_tiny_patch16_224", image_size=48, patch_size=8),
        },
    ),
    steps=400,
    embedding=Embedding(resize=55, crop=48, stored=64),
    # 100 centroids and patience 20 would take 2,000 of 16 thousand images before the rule may stop.
    k=20,
    patience=5,
    released_probe={"epochs": 100, "batch": 64},
    quick=QuickEncoder(steps=300, crop=32),
    pairs_per_second=70,
    rate_source="ResNet-10-T at 48 px in float32 on one CPU core",
)

PAPER = Profile(
    name="paper",
    summary="the published recipe on the real datasets, GPU-months",
    standins=False,
    protocol="released",
    scale=None,
    steps=None,
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
