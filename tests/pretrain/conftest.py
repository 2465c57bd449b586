"""Small recipes of every method, the engines that can build them, and one language for what engines call otherwise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.methods.all4one import All4One
from benchmark.methods.barlow_twins import BarlowTwins
from benchmark.methods.byol import BYOL
from benchmark.methods.dino import DINO
from benchmark.methods.mae import MAE
from benchmark.methods.moco import MoCo
from benchmark.methods.nnclr import NNCLR
from benchmark.methods.simclr import SimCLR
from benchmark.methods.simsiam import SimSiam
from benchmark.methods.swav import SwAV
from benchmark.methods.vicreg import VICReg
from benchmark.pretrain.engines import Engine
from benchmark.pretrain.learner import Learner, TrainingPosition
from benchmark.specs.recipes import EMA, SGD, Augmentation, Backbone, Cosine, Recipe, Steps

RESNET = Backbone(name="test_resnet", library="timm")
VIT = Backbone(name="test_vit", library="timm", image_size=32, patch_size=8)
SLOW = EMA(base=0.9)

SMALL: dict[str, Any] = {
    "simclr": SimCLR(temperature=0.2, hidden=24, output=16),
    "moco": MoCo(temperature=0.2, queue=16, ema=SLOW, hidden=24, output=16),
    "byol": BYOL(ema=SLOW, hidden=24, output=16, predictor=20),
    "simsiam": SimSiam(hidden=24, output=16, predictor=20),
    "swav": SwAV(prototypes=10, hidden=24, output=16),
    "dino": DINO(prototypes=10, ema=SLOW, hidden=24, bottleneck=12),
    "mae": MAE(width=16, depth=1, heads=2),
    "barlow-twins": BarlowTwins(hidden=24, output=16),
    "vicreg": VICReg(hidden=24, output=16),
    "nnclr": NNCLR(temperature=0.2, queue=16, hidden=24, output=16, predictor=20),
    "all4one": All4One(temperature=0.2, queue=16, ema=SLOW, hidden=24, output=16, predictor=20),
}


@pytest.fixture(params=["lightly", "solo-learn"])
def engine(request: pytest.FixtureRequest, usable: Callable[[str], Engine]) -> Engine:
    return usable(request.param)


@pytest.fixture
def solo(usable: Callable[[str], Engine]) -> Engine:
    return usable("solo-learn")


@pytest.fixture(scope="session")
def small() -> Callable[..., Recipe]:
    """`small(engine, method or its kind, **changes of the recipe)`: small heads, four steps of eight images."""

    def recipe(engine: str, method: Any, **changes: object) -> Recipe:
        method = SMALL[method] if isinstance(method, str) else method
        fields = {
            "engine": engine,
            "method": method,
            "backbone": VIT if method.kind in ("dino", "mae") else RESNET,
            "augmentation": Augmentation(size=32, stored=40),
            "optimiser": SGD(lr=0.05),
            "schedule": Cosine(per="step"),
            "length": Steps(steps=4),
            "batch": 8,
            "precision": "float32",
        }
        return Recipe.model_validate({**fields, **changes})

    return recipe


@pytest.fixture(scope="session")
def small_methods() -> dict[str, Any]:
    return SMALL


@pytest.fixture(scope="session")
def midway() -> TrainingPosition:
    return TrainingPosition(step=5, steps=10, epoch=2, epochs=4)


# What every method is made of, by our names: z projections, p predictions (SwAV: scores), t what a teacher makes.
NAMES = {
    "lightly": {
        "moco": {"z": "query", "t": "key"},
        "byol": {"p": "p", "t": "target"},
        "swav": {"p": "scores", "local": "local"},
        "dino": {"z": "student", "t": "teacher", "local": "local"},
    },
    "solo-learn": {
        "byol": {"p": "p", "z": "z", "t": "momentum_z", "local": "local_p"},
        "moco": {"z": "z", "t": "momentum_z"},
        "dino": {"z": "z", "t": "momentum_z", "local": "local_z"},
        "swav": {"z": "z", "p": "p", "local": "local_p"},
    },
}
UNIT = {("solo-learn", "moco"): "zt", ("solo-learn", "nnclr"): "z"}
"""What an engine's forward has normalised already."""


@pytest.fixture(scope="session")
def named() -> Callable[..., dict[str, torch.Tensor]]:
    """`named(engine, kind, z=..., p=..., t=..., local=...)`: rows [2n, d] as the outputs of that engine's learner."""

    def outputs(engine: str, kind: str, **arrays: np.ndarray) -> dict[str, torch.Tensor]:
        words = NAMES[engine].get(kind, {"z": "z", "p": "p"})
        made = {}
        for name, rows in arrays.items():
            unit = name in UNIT.get((engine, kind), "")
            kept = rows / np.linalg.norm(rows, axis=1, keepdims=True) if unit else rows
            made[words[name]] = torch.from_numpy(kept).float().requires_grad_(name in "zp")
        if engine == "solo-learn":
            # What solo-learn asks for and no loss depends on, one unit wide.
            made["feats"] = torch.zeros(len(next(iter(arrays.values()))), 1)
            made.setdefault("z", torch.zeros(len(made["feats"]), 1))
            if "local" in arrays:
                made.setdefault("local_z", torch.zeros(len(arrays["local"]), 1))
        return made

    return outputs


@pytest.fixture(scope="session")
def queues() -> Callable[[Learner, str], list[torch.Tensor]]:
    """The queues of a learner, each as a view [length, d] that can be written to. MoCo: the first answers view 1."""

    def queues_of(learner: Any, kind: str) -> list[torch.Tensor]:
        if hasattr(learner, "method") and hasattr(learner.method, "queue") and torch.is_tensor(learner.method.queue):
            queue = learner.method.queue
            return [queue[1].T, queue[0].T] if kind == "moco" else [queue]
        banks = [each.memory_bank for each in learner.criteria] if kind == "moco" else [learner.queue]
        return [bank.bank for bank in banks]

    return queues_of
