"""Methods by solo-learn: its method classes, built from recipes of this suite (the engine of the paper profile).

Only what decides the weights is taken from it. Its label classifier never learns. Its data pipeline, trainer and
auto-resume are never started: auto-resume matches runs by keys that do not tell the image sets apart.
"""

import warnings
from unittest.mock import patch

from benchmark.errors import UserError
from benchmark.methods._lcr import LCR
from benchmark.pretrain.engines import Engine
from benchmark.pretrain.engines.solo_learn.config import config_for
from benchmark.specs.methods import EngineName
from benchmark.specs.recipes import Recipe, Steps
from benchmark.training.backbone_names import features_of

REPOSITORY = "https://github.com/vturrisi/solo-learn"
COMMIT = "9187ea39c2c3f43c455ab06664d2b019a9802954"


def _check_queue(name: str, queue: int, recipe: Recipe) -> None:
    if queue % recipe.batch:
        raise UserError(f"solo-learn's {name} needs a queue that its batch divides: {queue}, {recipe.batch}")
    if not (isinstance(recipe.length, Steps) or recipe.drop_last):
        # It would fail, or write beyond the queue's end, at the first batch of another size.
        raise UserError(f"solo-learn's {name} has a queue and needs full batches: set drop_last")


def install_line(repository: str = REPOSITORY) -> str:
    """The line that installs solo-learn from `repository`, the address of a git repository: its own, or a checkout's
    (file://localhost/...)."""
    return (
        'pip install "setuptools<81" lightning omegaconf einops hydra-core && '
        f'pip install --no-build-isolation --no-deps "solo-learn @ git+{repository}@{COMMIT}"'
    )


class SoloLearn(Engine):
    """PyPI's solo-learn (1.0.2) pins torch 1.9 and cannot be installed beside a current torch. So a commit is
    installed."""

    name: EngineName = "solo-learn"
    distribution = "solo-learn"
    multicrop = ("swav", "dino", "byol")
    modules = ("lightning", "omegaconf", "einops", "solo")
    install = install_line()

    def check(self, recipe: Recipe) -> None:
        super().check(recipe)
        method = recipe.method.inner if isinstance(recipe.method, LCR) else recipe.method
        config = config_for(method, features_of(recipe.backbone))
        config.check()
        queue = getattr(method, "queue", None)
        if queue is not None:
            _check_queue(config.class_name, queue, recipe)

    def load(self) -> None:
        """Import solo-learn without its side effects: it registers networks of its own under names of timm
        (convnext_tiny, for example), and it warns of timm's old module names."""
        from timm.models import _registry

        with warnings.catch_warnings(), patch.dict(_registry._model_entrypoints):
            warnings.simplefilter("ignore")
            super().load()


entry = SoloLearn()
