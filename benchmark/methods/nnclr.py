"""NNCLR: in All4One's tables."""

from typing import Literal

from pydantic import Field

from benchmark.methods._own_papers import own_paper
from benchmark.specs.recipes import LARS, MethodSpec


class NNCLR(MethodSpec):
    """NNCLR (Dwibedi et al. 2021, equation 2): the nearest of a queue of view 1's projections predicts the other
    view's prediction, mean of both ways."""

    kind: Literal["nnclr"] = "nnclr"
    temperature: float = Field(gt=0)
    queue: int = Field(gt=0)
    hidden: int = 2048
    output: int = 256
    predictor: int = 4096


entry = own_paper(
    "nnclr",
    "NNCLR",
    "Dwibedi et al., ICCV 2021",
    NNCLR(temperature=0.1, queue=98304),
    LARS(lr=0.6, weight_decay=1e-6),
    small=NNCLR(temperature=0.1, queue=1024, hidden=512, output=128, predictor=512),
    lightly="benchmark.pretrain.engines.lightly.queues:NNCLR",
)
