"""Errors of too little memory: how they are recognised, and which option to lower."""

import errno

HOST = "out of memory: run fewer stages at once (--jobs), with one already a smaller --profile or --backbone"
GPU = "out of memory on the GPU: use more devices, a smaller network (--backbone) or a smaller --profile"

_HOST_WORDS = ("not enough memory", "can't allocate memory", "killed by signal: Killed")
"""Of torch's allocator on a CPU, and of a process that decodes images."""
_GPU_WORDS = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def advice(error: BaseException) -> str | None:
    """One line on what to lower, for an error of too little memory; None for any other error."""
    # Imported here: the process that hands out work does without.
    import torch

    text = str(error) if isinstance(error, RuntimeError) else ""
    if isinstance(error, torch.cuda.OutOfMemoryError) or any(words in text for words in _GPU_WORDS):
        return GPU
    short = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    return HOST if short or any(words in text for words in _HOST_WORDS) else None
