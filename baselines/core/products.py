"""Blocks of rows times centroids in float32, as fast as the machine does it, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

Product = Callable[[NDArray[Any]], tuple[Float32, Float32]]
"""rows [b, d] -> their products [k, b] with the centroids, and their squared norms [b].

Every number is rounded to float32 and added up in float32, in any order: `scoring.error_32` holds. Products and norms
of rows with NaN, infinity or float32 overflow mean nothing, but the squared norm of such a row is NaN or at least
`HUGE_SQUARE`.
"""

HUGE_SQUARE = 2.0**32

_CHUNK_NUMBERS = 2**17  # converted at once: they and their result stay in the cache
_SUBNORMAL = np.full(16, 2.0**-149, dtype=np.float32)


def float32_rows(block: NDArray[Any]) -> Float32:
    """`block` [b, d] in float32. Infinity and NaN in float16 come out as any numbers of size 2**16 or more.

    numpy's own conversion of float16 takes eight times as long, and then as long as half of the matrix product.
    """
    # Where subnormal numbers are flushed to zero, as torch.set_flush_denormal does, the fast way would lose them.
    if block.dtype != np.float16 or not np.multiply(_SUBNORMAL, 2).all():
        with np.errstate(over="ignore"):
            return block.astype(np.float32, copy=False)
    rows = np.empty(block.shape, dtype=np.float32)
    step = max(1, _CHUNK_NUMBERS // block.shape[1])
    for start in range(0, len(block), step):
        _widen(block[start : start + step], rows[start : start + step])
    return rows


def _widen(half: NDArray[np.float16], rows: Float32) -> None:
    """Write `half` into `rows` by its bits: 1 sign, 5 exponent, 10 fraction become 1, 8, 23."""
    bits = rows.view(np.int32)
    np.copyto(bits, half.view(np.int16))  # the sign fills the upper half
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, np.int32(~0x70001FFF), out=bits)  # of the copies of the sign keep the first
    np.multiply(rows, np.float32(2.0**112), out=rows)  # exponents count from 127 instead of 15: exact


def numpy_product(centroids: Float32) -> Product:
    """The product with `centroids` [k, d] by numpy, on as many threads as its BLAS has."""

    def product(block: NDArray[Any]) -> tuple[Float32, Float32]:
        rows = float32_rows(block)
        with np.errstate(over="ignore", invalid="ignore"):
            return centroids @ rows.T, np.einsum("ij,ij->i", rows, rows)

    return product


def torch_product(centroids: Float32, device: str) -> Product:
    """The product with `centroids` [k, d] by torch on `device`, such as "cuda" or "cpu".

    float16 rows travel as they are. TF32, bfloat16 and autocast are off, whatever the program has set.
    Raises ValueError for a device that torch cannot compute on here.
    """
    import torch  # late: takes seconds, and most callers do without

    try:
        weights = torch.tensor(centroids, device=device)
        weights[0, 0].item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device {device!r} is not one that torch can use here: {error}") from error

    def product(block: NDArray[Any]) -> tuple[Float32, Float32]:
        rows = block if block.dtype == np.float16 else float32_rows(block)
        # A buffer of torch's own: page-locked it travels faster, and torch warns of read-only memory maps.
        kind = torch.float16 if rows.dtype == np.float16 else torch.float32
        sent = torch.empty(rows.shape, dtype=kind, pin_memory=weights.is_cuda)
        np.copyto(sent.numpy(), rows)
        with torch.inference_mode(), torch.autocast(weights.device.type, enabled=False), _full_float32():
            arrived = sent.to(weights.device, non_blocking=True).float()
            scores, squares = weights @ arrived.T, torch.linalg.vecdot(arrived, arrived)
        return scores.cpu().numpy(), squares.cpu().numpy()

    return product


@contextmanager
def _full_float32() -> Iterator[None]:
    """No TF32 on CUDA and no bfloat16 in oneDNN for products of float32."""
    import torch

    mkldnn: Any = torch.backends.mkldnn
    switches: list[Any] = [torch.backends.cuda.matmul, mkldnn.matmul]
    if not all(hasattr(switch, "fp32_precision") for switch in switches):
        switches = [_OldSwitch()]
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "ieee"
        yield
    finally:
        for switch, precision in zip(switches, before, strict=True):
            switch.fp32_precision = precision


class _OldSwitch:
    """The one switch of torch before 2.9. Later versions refuse it to programs that have used the new ones."""

    @property
    def fp32_precision(self) -> str:
        import torch

        return torch.get_float32_matmul_precision()

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        import torch

        torch.set_float32_matmul_precision("highest" if value == "ieee" else value)
