"""Variants: the images of a pretraining. The ten rows of Table 2 and the control rows, as data.

Any other row is a variant too: `benchmark.planning.names` reads its name.
"""

from typing import Literal

from benchmark.specs.base import Spec

PRETRAINED, UNTRAINED = "pretrained", "untrained"


class Variant(Spec):
    """One row. The images are X (if `target`) with no, all or a coreset of the open-set.

    `sampler` picks the coreset, by any name that `--sampler` takes. `budget` is a share of the open-set, a number of
    images, or None for the stopping rule (a sampler without one takes the size that SimCore stopped at). `encoder`
    says whose features the sampler sees: those of the network "pretrained" on X, of the "untrained" network, or of one
    that `--encoder` takes. A row without any images is that encoder as it is. `steps_factor` multiplies the optimiser
    steps.
    """

    name: str
    title: str
    target: bool
    openset: Literal["none", "all", "coreset"]
    sampler: str | None = None
    budget: int | str | None = None
    encoder: str = PRETRAINED
    steps_factor: int = 1
    control: bool = False

    @property
    def pool(self) -> bool:
        """Whether images of the open-set are needed."""
        return self.openset != "none"

    @property
    def trained(self) -> bool:
        """Whether something is pretrained; if not, the row is an encoder as it is."""
        return self.target or self.pool


def _coreset(name: str, title: str, sampler: str, **fields: object) -> Variant:
    return Variant.model_validate(
        {"name": name, "title": title, "target": True, "openset": "coreset", "sampler": sampler, **fields}
    )


_ROWS = (
    Variant(name="X", title="X", target=True, openset="none"),
    Variant(name="OS", title="OS", target=False, openset="all"),
    Variant(name="X+OS", title="X + OS", target=True, openset="all"),
    _coreset("X+random(1%)", "X + random, p = 1 %", "random", budget="1%"),
    _coreset("X+simcore-k1(1%)", "X + SimCore, k = 1, p = 1 %", "simcore-k1", budget="1%"),
    _coreset("X+simcore(1%)", "X + SimCore, p = 1 %", "simcore", budget="1%"),
    _coreset("X+random(5%)", "X + random, p = 5 %", "random", budget="5%"),
    _coreset("X+simcore-k1(5%)", "X + SimCore, k = 1, p = 5 %", "simcore-k1", budget="5%"),
    _coreset("X+simcore(5%)", "X + SimCore, p = 5 %", "simcore", budget="5%"),
    _coreset("X+simcore(stop)", "X + SimCore, stopping criterion", "simcore"),
)

_CONTROLS = (
    _coreset("X+random(stop)", "control: X + random of the stopped coreset's size", "random", control=True),
    _coreset(
        "X+simcore(5%)@untrained",
        "control: X + SimCore on an untrained encoder's features, p = 5 %",
        "simcore",
        budget="5%",
        encoder=UNTRAINED,
        control=True,
    ),
    _coreset("X+oracle(5%)", "control: X + relevant images by label, at most 5 %", "oracle", budget="5%", control=True),
    Variant(
        name="X(2x)", title="control: X for twice the steps", target=True, openset="none", steps_factor=2, control=True
    ),
)

VARIANTS: dict[str, Variant] = {variant.name: variant for variant in (*_ROWS, *_CONTROLS)}
CONTROLS: tuple[str, ...] = tuple(variant.name for variant in _CONTROLS)
