"""LCR on MoCo v2, as SAM."""

from benchmark.methods._lcr import AS_SAM, on_moco

entry = on_moco("lcr-sam", "LCR on MoCo v2, as SAM", AS_SAM)
