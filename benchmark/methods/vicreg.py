"""VICReg: in LCR's and All4One's tables."""

from typing import Literal

from benchmark.methods._own_papers import own_paper
from benchmark.specs.recipes import LARS, MethodSpec


class VICReg(MethodSpec):
    """VICReg (Bardes et al. 2022) as its authors' code has it: the variance term is the mean over both views, the
    covariance term their sum. (Equation 6 of the paper sums both.)"""

    kind: Literal["vicreg"] = "vicreg"
    hidden: int = 8192
    output: int = 8192
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0


entry = own_paper(
    "vicreg",
    "VICReg",
    "Bardes et al., ICLR 2022",
    VICReg(),
    LARS(lr=0.4, weight_decay=1e-6),
    small=VICReg(hidden=512, output=512),
    lightly="benchmark.pretrain.engines.lightly.joint:VICReg",
)
