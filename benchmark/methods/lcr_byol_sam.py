"""LCR on BYOL, as SAM."""

from benchmark.methods._lcr import AS_SAM, on_byol

entry = on_byol("lcr-byol-sam", "LCR on BYOL, as SAM", AS_SAM)
