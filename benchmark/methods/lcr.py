"""LCR on MoCo v2, as released."""

from benchmark.methods._lcr import AS_RELEASED, on_moco

entry = on_moco("lcr", "LCR on MoCo v2, as released", AS_RELEASED)
