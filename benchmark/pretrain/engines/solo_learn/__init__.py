"""Methods by solo-learn: its method classes, built from our recipes (the paper profile's engine).

Only what decides the weights is taken from it. Its label classifier never learns, its data pipeline, trainer and
auto-resume are never started (auto-resume matches runs by keys that do not tell the image sets apart).
"""

from benchmark.errors import UserError
from benchmark.methods._lcr import LCR
from benchmark.pretrain.engines import Engine
from benchmark.pretrain.engines.solo_learn.config import words
from benchmark.specs.methods import EngineName
from benchmark.specs.recipes import Recipe, Steps
from benchmark.training.backbone_names import features_of

COMMIT = "9187ea39c2c3f43c455ab06664d2b019a9802954"


def _check_queue(name: str, queue: int, recipe: Recipe) -> None:
    if queue % recipe.batch:
        raise UserError(f"solo-learn's {name} needs a queue that its batch divides: {queue}, {recipe.batch}")
    if not (isinstance(recipe.length, Steps) or recipe.drop_last):
        # It would fail, or write beyond the queue's end, at the first batch of another size.
        raise UserError(f"solo-learn's {name} has a queue and needs full batches: set drop_last")


class SoloLearn(Engine):
    """PyPI's solo-learn (1.0.2) pins torch 1.9 and cannot be installed beside a current torch: hence the commit."""

    name: EngineName = "solo-learn"
    distribution = "solo-learn"
    multicrop = ("swav", "dino", "byol")
    modules = ("solo", "omegaconf", "einops")
    install = (
        'pip install "setuptools<81" omegaconf einops hydra-core && pip install --no-build-isolation --no-deps '
        f'"solo-learn @ git+https://github.com/vturrisi/solo-learn@{COMMIT}"'
    )

    def check(self, recipe: Recipe) -> None:
        super().check(recipe)
        method = recipe.method.inner if isinstance(recipe.method, LCR) else recipe.method
        told = words(method, features_of(recipe.backbone))
        told.check()
        queue = getattr(method, "queue", None)
        if queue is not None:
            _check_queue(told.class_name, queue, recipe)


entry = SoloLearn()
