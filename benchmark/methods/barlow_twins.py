"""Barlow Twins: in LCR's and All4One's tables."""

from typing import Literal

from benchmark.methods._own_papers import own_paper
from benchmark.specs.recipes import LARS, MethodSpec


class BarlowTwins(MethodSpec):
    """Barlow Twins (Zbontar et al. 2021): scale * (on-diagonal + off_diagonal * rest) of the cross-correlation."""

    kind: Literal["barlow-twins"] = "barlow-twins"
    hidden: int = 8192
    output: int = 8192
    off_diagonal: float = 5e-3
    scale: float = 1.0


entry = own_paper(
    "barlow-twins",
    "Barlow Twins",
    "Zbontar et al., ICML 2021",
    BarlowTwins(),
    LARS(lr=0.4, weight_decay=1.5e-6),
    small=BarlowTwins(hidden=512, output=512, scale=0.02),
    lightly="benchmark.pretrain.engines.lightly.joint:BarlowTwins",
)
