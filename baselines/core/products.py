"""Blocks of rows times centroids in float32, as fast as the machine does it, on a CPU or a GPU."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
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

TRIALS = 3
"""Blocks that every way of multiplying is tried on. The least time counts: the others were disturbed."""

_CHUNK_NUMBERS = 2**17  # converted at once: they and their result stay in the cache
_SUBNORMAL = np.full(16, 2.0**-149, dtype=np.float32)


def float32_rows(block: NDArray[Any]) -> Float32:
    """`block` [b, d] in float32. Infinity and NaN in float16 stay that or come out as numbers of size 2**16 or more.

    NumPy's own conversion of float16 takes about four times as long, and then nearly as long as the product.
    """
    if block.dtype == np.float32:
        return np.asarray(block)
    # Where subnormal numbers are flushed to zero, as torch.set_flush_denormal does, the fast way would lose them.
    if block.dtype != np.float16 or not np.multiply(_SUBNORMAL, 2).all():
        with np.errstate(over="ignore"):
            return block.astype(np.float32, copy=False)
    rows = np.empty(block.shape, dtype=np.float32)
    step = max(1, _CHUNK_NUMBERS // block.shape[1])
    widen = _widen_by_torch if "torch" in sys.modules else _widen
    for start in range(0, len(block), step):
        widen(block[start : start + step], rows[start : start + step])
    return rows


def _widen_by_torch(half: NDArray[np.float16], rows: Float32) -> None:
    """Write `half` into `rows` by the processor's own instruction, which NumPy does not use: in half of the time."""
    import torch  # the program has it already

    # torch warns of read-only memory; the copy stays in the cache.
    torch.from_numpy(rows).copy_(torch.from_numpy(np.array(half, order="C")))


def _widen(half: NDArray[np.float16], rows: Float32) -> None:
    """Write `half` into `rows` by its bits: 1 sign, 5 exponent, 10 fraction become 1, 8, 23."""
    bits = rows.view(np.int32)
    np.copyto(bits, half.view(np.int16))  # the sign fills the upper half
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, np.int32(~0x70001FFF), out=bits)  # of the copies of the sign keep the first
    np.multiply(rows, np.float32(2.0**112), out=rows)  # exponents count from 127 instead of 15: exact


def cpu_product(centroids: Float32, way: str | None = None) -> Product:
    """The product with `centroids` [k, d] on the calling thread or those of NumPy's BLAS.

    way: a name in `WAYS`; None tries those that there are on the first blocks and stays with the fastest. Whichever
    it is, `scoring.error_32` holds. torch is tried only where the program has imported it already.
    """
    names = [way] if way else [name for name in WAYS if name != "torch" or "torch" in sys.modules]
    times = _Fastest([WAYS[name](centroids) for name in names])

    def product(block: NDArray[Any]) -> tuple[Float32, Float32]:
        rows = float32_rows(block)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = squared_norms(rows)  # first: rows of a memory map are read here, outside the measurement
            return times(rows), squares

    return product


def squared_norms(rows: Float32) -> Float32:
    """Squared lengths [b] of `rows` [b, d], in float32."""
    if hasattr(np, "vecdot"):  # NumPy 2: by BLAS, up to three times as fast
        return np.asarray(np.vecdot(rows, rows))
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


Times = Callable[[Float32], Float32]
"""rows [b, d] -> their products [k, b] with the centroids, in any memory order."""


def _centroids_first(centroids: Float32) -> Times:
    return lambda rows: centroids @ rows.T


def _rows_first(centroids: Float32) -> Times:
    columns = np.ascontiguousarray(centroids.T)
    return lambda rows: (rows @ columns).T


def _by_torch(centroids: Float32) -> Times:
    import torch  # the program has it already

    columns = torch.from_numpy(np.ascontiguousarray(centroids.T))

    def times(rows: Float32) -> Float32:
        # torch warns of read-only memory.
        own = rows if rows.flags.writeable and rows.flags.c_contiguous else np.array(rows, order="C")
        with torch.inference_mode(), torch.autocast("cpu", enabled=False), _full_float32:
            scores: Float32 = (torch.from_numpy(own) @ columns).numpy().T
        return scores

    return times


WAYS: dict[str, Callable[[Float32], Times]] = {
    "centroids first": _centroids_first,
    "rows first": _rows_first,
    "torch": _by_torch,
}
"""The products there are on a CPU. Which is the fastest depends on the processor, the shapes and the library."""


class _Fastest:
    """Gives every block to one of several ways: each in turn at first, then the one that took least per row.

    Nothing is multiplied for the measurement alone. Several threads may call it.
    """

    def __init__(self, ways: list[Times]) -> None:
        self._ways = ways
        self._left = [way for _ in range(TRIALS) for way in range(len(ways))] if len(ways) > 1 else []
        self._least = [math.inf] * len(ways)

    def __call__(self, rows: Float32) -> Float32:
        try:
            way = self._left.pop()
        except IndexError:
            return self._ways[self._least.index(min(self._least))](rows)
        began = time.perf_counter()
        scores = self._ways[way](rows)
        self._least[way] = min(self._least[way], (time.perf_counter() - began) / max(1, len(rows)))
        return scores


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
        sent = torch.empty(rows.shape, dtype=kind, device="cpu", pin_memory=weights.is_cuda)
        np.copyto(sent.numpy(), rows)
        with torch.inference_mode(), torch.autocast(weights.device.type, enabled=False), _full_float32:
            arrived = sent.to(weights.device, non_blocking=True).float()
            scores, squares = weights @ arrived.T, torch.linalg.vecdot(arrived, arrived)
        return scores.cpu().numpy(), squares.cpu().numpy()

    return product


class _FullFloat32:
    """Inside, no TF32 on CUDA and no bfloat16 in oneDNN for products of float32.

    The switches are those of the whole process: the first thread that comes in sets them, the last that goes out sets
    them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Any, str]] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = [(switch, switch.fp32_precision) for switch in _switches()]
                for switch, _ in self._before:
                    switch.fp32_precision = "ieee"
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for switch, precision in self._before:
                    switch.fp32_precision = precision


_full_float32 = _FullFloat32()


def _switches() -> list[Any]:
    import torch

    mkldnn: Any = torch.backends.mkldnn
    return [torch.backends.cuda.matmul, mkldnn.matmul]
