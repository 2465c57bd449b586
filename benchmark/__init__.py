"""Reproducibility benchmark suite for SimCore: coresets from an open-set for fine-grained self-supervised learning."""

__version__ = "0.1.0"
