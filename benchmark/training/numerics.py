"""Global settings that can move a number: threads, determinism, TF32, precision. Set for a block, then put back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmark.specs.recipes import Precision

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@contextmanager
def fixed(threads: int) -> Iterator[None]:
    """Deterministic kernels, no TF32 and `threads` CPU threads inside the block.

    A CUDA kernel without a deterministic form warns instead of failing.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = _state()
    try:
        _set((threads, True, True, False, False, False, False))
        yield
    finally:
        _set(before)


_State = tuple[int, bool, bool, bool, bool, bool, bool]


def _state() -> _State:
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
    )


def _set(state: _State) -> None:
    threads, deterministic, warn_only, fill, tuned, cudnn_tf32, matmul_tf32 = state
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = tuned
    torch.backends.cudnn.allow_tf32 = cudnn_tf32
    torch.backends.cuda.matmul.allow_tf32 = matmul_tf32


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Mixed precision for forward passes; does nothing for float32."""
    return torch.autocast(device.type, _DTYPES[precision], enabled=precision != "float32")
