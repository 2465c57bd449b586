"""SimSiam: the released code of SimCore has it as BYOL without a teacher, in no table of the paper."""

from benchmark.methods._own_papers import own_paper
from benchmark.specs.method_specs import SimSiam
from benchmark.specs.recipes import SGD

entry = own_paper(
    "simsiam",
    "SimSiam",
    "Chen and He, CVPR 2021",
    SimSiam(),
    SGD(lr=0.1, weight_decay=1e-4),
    small=SimSiam(hidden=512, output=512, predictor=128),
)
