"""Memory that does not suffice: which errors mean it, and what is to be lowered then."""

import errno

HOST = "out of memory: run fewer stages at once (--jobs), with one already a smaller --profile or --backbone"
GPU = "out of memory on the GPU: use more devices, a smaller network (--backbone) or a smaller --profile"

_HOST_WORDS = ("not enough memory", "can't allocate memory", "killed by signal: Killed")
"""Of torch's allocator on a CPU, and of a process that decodes images."""
_GPU_WORDS = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def advice(error: BaseException) -> str | None:
    """What to lower after an error that says that memory was short, in one line; None after any other."""
    # Imported here: the process that hands out work does without.
    import torch

    text = str(error) if isinstance(error, RuntimeError) else ""
    if isinstance(error, torch.cuda.OutOfMemoryError) or any(words in text for words in _GPU_WORDS):
        return GPU
    short = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    return HOST if short or any(words in text for words in _HOST_WORDS) else None
