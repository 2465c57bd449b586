"""Methods by lightly: its heads, losses, queues and masked transformers (the smoke and mini profiles)."""

import importlib

from benchmark.pretrain.engines import Engine, Maker
from benchmark.pretrain.learner import Learner
from benchmark.specs.recipes import Recipe

_CLASSES = {
    "simclr": ("joint", "SimCLR"),
    "barlow-twins": ("joint", "BarlowTwins"),
    "vicreg": ("joint", "VICReg"),
    "simsiam": ("predictors", "SimSiam"),
    "byol": ("predictors", "BYOL"),
    "nnclr": ("queues", "NNCLR"),
    "moco": ("queues", "MoCo"),
    "swav": ("clusters", "SwAV"),
    "dino": ("clusters", "DINO"),
    "mae": ("masks", "MAE"),
}


def _maker(module: str, name: str) -> Maker:
    def make(recipe: Recipe) -> Learner:
        # Imported here: lightly takes seconds, and `list methods` asks for names only.
        learner: type[Learner] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return learner(recipe, recipe.method)  # type: ignore[call-arg]

    return make


class Lightly(Engine):
    name = "lightly"
    distribution = "lightly"
    modules = ("lightly",)
    install = "pip install lightly"

    def makers(self) -> dict[str, Maker]:
        return {kind: _maker(*place) for kind, place in _CLASSES.items()}


entry = Lightly()
