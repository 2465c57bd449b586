"""SimSiam: the released code of SimCore has it as BYOL without a teacher, in no table of the paper."""

from typing import Literal

from benchmark.methods._own_papers import own_paper
from benchmark.specs.recipes import SGD, MethodSpec


class SimSiam(MethodSpec):
    """SimSiam (Chen and He 2021): negative cosine to the stopped gradient of the other view, mean of both ways."""

    kind: Literal["simsiam"] = "simsiam"
    hidden: int = 2048
    output: int = 2048
    predictor: int = 512


entry = own_paper(
    "simsiam",
    "SimSiam",
    "Chen and He, CVPR 2021",
    SimSiam(),
    SGD(lr=0.1, weight_decay=1e-4),
    small=SimSiam(hidden=512, output=512, predictor=128),
    lightly="benchmark.pretrain.engines.lightly.predictors:SimSiam",
)
