"""Methods by lightly: its heads, losses, queues and masked transformers (the smoke and mini profiles)."""

from benchmark.pretrain.engines import Engine
from benchmark.specs.methods import EngineName


class Lightly(Engine):
    name: EngineName = "lightly"
    distribution = "lightly"
    modules = ("lightly",)
    install = "pip install lightly"


entry = Lightly()
