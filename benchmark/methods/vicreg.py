"""VICReg: in LCR's and All4One's tables."""

from benchmark.methods._own_papers import own_paper
from benchmark.specs.method_specs import VICReg
from benchmark.specs.recipes import LARS

entry = own_paper(
    "vicreg",
    "VICReg",
    "Bardes et al., ICLR 2022",
    VICReg(),
    LARS(lr=0.4, weight_decay=1e-6),
    small=VICReg(hidden=512, output=512),
)
