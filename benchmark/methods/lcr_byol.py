"""LCR on BYOL, as released."""

from benchmark.methods._lcr import AS_RELEASED, on_byol

entry = on_byol("lcr-byol", "LCR on BYOL, as released", AS_RELEASED)
