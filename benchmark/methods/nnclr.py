"""NNCLR: in All4One's tables."""

from benchmark.methods._own_papers import own_paper
from benchmark.specs.method_specs import NNCLR
from benchmark.specs.recipes import LARS

entry = own_paper(
    "nnclr",
    "NNCLR",
    "Dwibedi et al., ICCV 2021",
    NNCLR(temperature=0.1, queue=98304),
    LARS(lr=0.6, weight_decay=1e-6),
    small=NNCLR(temperature=0.1, queue=1024, hidden=512, output=128, predictor=512),
)
