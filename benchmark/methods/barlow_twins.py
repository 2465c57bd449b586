"""Barlow Twins: in LCR's and All4One's tables."""

from benchmark.methods._own_papers import own_paper
from benchmark.specs.method_specs import BarlowTwins
from benchmark.specs.recipes import LARS

entry = own_paper(
    "barlow-twins",
    "Barlow Twins",
    "Zbontar et al., ICML 2021",
    BarlowTwins(),
    LARS(lr=0.4, weight_decay=1.5e-6),
    small=BarlowTwins(hidden=512, output=512, scale=0.02),
)
