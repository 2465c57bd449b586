"""Engines: whose code makes the projection head and the loss. One module each; a missing package is an error that says
how to install it, never a silent substitute."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.metadata import version

import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.registry import Registry
from benchmark.specs import Recipe


class Learner(nn.Module, ABC):
    """A backbone, a projector and a contrastive loss over two views."""

    backbone: nn.Module
    projector: nn.Module

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Projections [m, output] of crops [m, 3, S, S]."""
        projected: torch.Tensor = self.projector(self.backbone(crops))
        return projected

    @abstractmethod
    def contrast(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The scalar loss of the projections [n, output] of the same n images' two views, not yet normalised."""

    def loss(self, view1: torch.Tensor, view2: torch.Tensor) -> torch.Tensor:
        """The scalar loss of two views [n, 3, S, S]; both go through the network in one pass, view 1 first, as in the
        released `ssl/simclr.py`."""
        first, second = self(torch.cat([view1, view2])).float().chunk(2)
        return self.contrast(first, second)

    def trainable(self) -> Iterator[nn.Parameter]:
        """The parameters that the optimiser moves: backbone and projector."""
        yield from self.backbone.parameters()
        yield from self.projector.parameters()


class Engine(ABC):
    """A package that a `Learner` can be built with."""

    name: str
    distribution: str
    modules: tuple[str, ...]
    install: str

    def build(self, recipe: Recipe, seed: int) -> Learner:
        """The learner of `recipe` with initial weights that depend on `seed` (seeds.init) and the recipe alone.

        Raises UserError when the package is not installed or cannot do what the recipe asks.
        """
        self.require()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._build(recipe)

    def require(self) -> None:
        """Raise UserError with the line that installs the engine unless it can be imported."""
        missing = [module for module in self.modules if importlib.util.find_spec(module) is None]
        if missing:
            raise UserError(f"engine '{self.name}' is not installed (no {', '.join(missing)}); run: {self.install}")

    def version(self) -> str:
        """Name and version, for records."""
        self.require()
        return f"{self.name} {version(self.distribution)}"

    @abstractmethod
    def _build(self, recipe: Recipe) -> Learner: ...


ENGINES: Registry[Engine] = Registry("engine", "benchmark.pretrain.engines", Engine)  # type: ignore[type-abstract]


def find_engine(name: str) -> Engine:
    """The engine called `name`, checked to be installed. Raises UnknownName or UserError."""
    engine = ENGINES.get(name)
    engine.require()
    return engine
