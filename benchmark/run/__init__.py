"""Running stages: one module per kind, the worker processes that run them, and the executor that feeds the workers."""
