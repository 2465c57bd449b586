"""Engines: packages that make a method's heads and losses, one module each.

A missing package is an error that says how to install it. A method that an engine lacks is an error that names an
engine that has it. No engine is replaced by another without a word.
"""

import importlib
import importlib.util
from collections.abc import Callable
from importlib.metadata import version

import torch

from benchmark.errors import UserError
from benchmark.methods import METHODS
from benchmark.methods._lcr import LCR
from benchmark.pretrain.lcr import RationaleLearner
from benchmark.pretrain.learner import Learner, WithOnlineClassifier
from benchmark.registry import Registry
from benchmark.specs.methods import EngineName
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import feature_dimension, take_any_size

Maker = Callable[[Recipe], Learner]
"""Makes the learner of a recipe whose method is of the maker's kind; draws weights from torch's global generator."""


class Engine:
    """A package that a `Learner` can be built with."""

    name: EngineName
    distribution: str
    modules: tuple[str, ...]
    install: str
    multicrop: tuple[str, ...] = ("swav", "dino")
    """The kinds of methods whose losses here have a term for local crops."""

    def build(self, recipe: Recipe, seed: int, classes: int = 0) -> Learner:
        """The learner of `recipe` with initial weights that depend on `seed` (seeds.init) and the recipe alone.

        `classes` is the number of labels of X, for an online classifier. Raises UserError when the package is not
        installed or cannot do what the recipe asks.
        """
        self.require()
        self.check(recipe)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            learner = self._learner(recipe)
            if recipe.augmentation.local is not None:
                take_any_size(learner)
            if recipe.online is None:
                return learner
            if learner.encoder() is not learner.backbone:
                raise UserError(f"method {recipe.method.kind} keeps another network than it trains: no online labels")
            if not classes:
                raise UserError("an online classifier needs labelled images of X, and there are none")
            return WithOnlineClassifier(learner, feature_dimension(learner.backbone), classes, recipe.online.lr)

    def check(self, recipe: Recipe) -> None:
        """Raise UserError for what the engine cannot do of `recipe`. The package need not be there."""
        method = recipe.method
        inner = method.inner if isinstance(method, LCR) else method
        self.maker(inner.kind)
        self._check_crops(recipe)
        if isinstance(method, LCR) and recipe.precision == "float16":
            raise UserError("LCR fits gradients that float16 cannot hold: use precision float32 or bfloat16")

    def _check_crops(self, recipe: Recipe) -> None:
        """Raise UserError for crops that the method would leave out or mix up without an error."""
        kind = recipe.method.kind
        if recipe.augmentation.views != 2 and recipe.method.views == 2:
            raise UserError(f"method '{kind}' compares two views of an image; augmentation.views is 1")
        if recipe.augmentation.local is not None and kind not in self.multicrop:
            raise UserError(f"engine '{self.name}' has no loss for local crops in method '{kind}'")
        if recipe.online is not None and recipe.method.views == 1:
            raise UserError("MAE sees parts of images: there are no whole features for an online classifier")

    def _learner(self, recipe: Recipe) -> Learner:
        method = recipe.method
        if isinstance(method, LCR):
            inner = recipe.model_copy(update={"method": method.inner})
            return RationaleLearner(self._learner(inner), method)
        return self.maker(method.kind)(recipe)

    def maker(self, method: str) -> Maker:
        """The function that makes learners of `method` (its kind). Raises UserError where this engine lacks the method;
        the message names the engines that have it."""
        method_maker = self.makers().get(method)
        if method_maker is None:
            others = [engine for engine in ENGINES if engine is not self and method in engine.methods()]
            hint = "; ".join(f"engine '{other.name}' has it ({other.install})" for other in others) or "nobody has it"
            raise UserError(f"engine '{self.name}' has no method '{method}': {hint}")
        return method_maker

    def methods(self) -> tuple[str, ...]:
        """The kinds of methods that this engine has. Works without the engine's package."""
        return tuple(self.makers())

    def require(self) -> None:
        """Raise UserError with the line that installs the engine unless all its modules can be imported."""
        missing = [module for module in self.modules if importlib.util.find_spec(module) is None]
        if missing:
            raise UserError(f"engine '{self.name}' is not installed (no {', '.join(missing)}); run: {self.install}")
        try:
            self.load()
        except Exception as error:  # what a package raises when it is imported is not ImportError alone
            why = " ".join(str(error).split())
            raise UserError(f"engine '{self.name}' cannot be imported ({why}); run: {self.install}") from error

    def load(self) -> None:
        """Import the engine's modules; raises whatever they raise."""
        for module in self.modules:
            importlib.import_module(module)

    def version(self) -> str:
        """Name and version, for records."""
        self.require()
        return f"{self.name} {version(self.distribution)}"

    def makers(self) -> dict[str, Maker]:
        """By a method's kind, what makes its learners. No package is imported before one is made."""
        entries = [entry for entry in METHODS if not entry.published.method.wraps_encoder]
        places = {entry.published.method.kind: entry.learners for entry in entries}
        return {kind: _maker(learners[self.name]) for kind, learners in places.items() if self.name in learners}


def _maker(learner_path: str) -> Maker:
    module, _, name = learner_path.partition(":")

    def make(recipe: Recipe) -> Learner:
        # Imported here: an engine takes seconds, and `list methods` asks for names only.
        try:
            learner: type[Learner] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"learner {learner_path} of method '{recipe.method.kind}' cannot be imported: {error}"
            ) from error
        return learner(recipe, recipe.method)  # type: ignore[call-arg]

    return make


ENGINES: Registry[Engine] = Registry("engine", "benchmark.pretrain.engines", Engine, group="benchmark.pretrain.engines")


def find_engine(name: str) -> Engine:
    """The engine called `name`, checked to be installed. Raises UnknownName or UserError."""
    engine = ENGINES.get(name)
    engine.require()
    return engine
