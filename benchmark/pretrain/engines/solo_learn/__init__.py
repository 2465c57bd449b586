"""Methods by solo-learn: its method classes, built from our recipes (the paper profile's engine).

Only what decides the weights is taken from it. Its label classifier never learns, its data pipeline, trainer and
auto-resume are never started (auto-resume matches runs by keys that do not tell the image sets apart).
"""

from benchmark.pretrain.engines import Engine, Maker
from benchmark.pretrain.learner import Learner
from benchmark.recipe_specs import Recipe

COMMIT = "9187ea39c2c3f43c455ab06664d2b019a9802954"
METHODS = (
    "simclr", "moco", "byol", "simsiam", "swav", "dino", "mae", "barlow-twins", "vicreg", "nnclr", "all4one",
)  # fmt: skip


def _make(recipe: Recipe) -> Learner:
    # Imported here: solo-learn need not be there for its names.
    from benchmark.pretrain.engines.solo_learn.learner import SoloLearner

    return SoloLearner(recipe)


class SoloLearn(Engine):
    """PyPI's solo-learn (1.0.2) pins torch 1.9 and cannot be installed beside a current torch: hence the commit."""

    name = "solo-learn"
    distribution = "solo-learn"
    multicrop = ("swav", "dino", "byol")
    modules = ("solo", "omegaconf", "einops")
    install = (
        'pip install "setuptools<81" omegaconf einops hydra-core && pip install --no-build-isolation --no-deps '
        f'"solo-learn @ git+https://github.com/vturrisi/solo-learn@{COMMIT}"'
    )

    def makers(self) -> dict[str, Maker]:
        return dict.fromkeys(METHODS, _make)


entry = SoloLearn()
