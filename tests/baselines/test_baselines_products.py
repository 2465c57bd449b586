from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.core import products
from baselines.core.products import HUGE_SQUARE, TRIALS, WAYS, Product, cpu_product, float32_rows, torch_product
from baselines.core.scoring import error_32, exact_scores, unit_rows

ALL_HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16)
FINITE = ALL_HALVES[np.isfinite(ALL_HALVES)].reshape(-1, 16)

Maker = Callable[[np.ndarray], Product]


@pytest.fixture
def flushed() -> Iterator[None]:
    """Subnormal numbers count as zero on this thread, as some programs set it for speed."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormal numbers")
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(
    params=[
        None,
        *WAYS,
        "cpu",
        pytest.param("cuda", marks=pytest.mark.gpu),
    ]
)
def maker(request: pytest.FixtureRequest) -> Maker:
    if request.param is None or request.param in WAYS:
        return lambda centroids: cpu_product(centroids, request.param)
    return lambda centroids: torch_product(centroids, request.param)


def within_bound(product: Product, rows: np.ndarray, centroids: np.ndarray) -> bool:
    scores, squares = product(rows)
    assert scores.dtype == squares.dtype == np.float32
    difference = np.abs(scores / np.sqrt(squares) - exact_scores(rows, centroids).T)
    return bool(difference.max() <= error_32(rows.shape[1]))


@pytest.fixture(params=[True, False])
def torch_loaded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.delitem(sys.modules, "torch")


def test_every_finite_float16_is_converted_exactly(torch_loaded: None) -> None:
    assert float32_rows(FINITE).tobytes() == FINITE.astype(np.float32).tobytes()


@pytest.mark.parametrize("rows", [FINITE[:, ::3], FINITE.T, FINITE[5:5], FINITE.astype(">f2"), FINITE[::-1]])
def test_float16_in_any_layout(rows: np.ndarray, torch_loaded: None) -> None:
    assert float32_rows(rows).tolist() == rows.astype(np.float32).tolist()


def test_float16_where_subnormal_numbers_are_flushed(flushed: None) -> None:
    tiny = np.array([[1, 0x8001, 0x03FF, 0x3C00]], dtype=np.uint16).view(np.float16)
    assert float32_rows(tiny).view(np.uint32).tolist() == [[0x33800000, 0xB3800000, 0x387FC000, 0x3F800000]]


def test_float16_that_is_not_finite_comes_out_huge(torch_loaded: None) -> None:
    bad = ALL_HALVES[~np.isfinite(ALL_HALVES)][:, None]
    assert not np.any(np.abs(float32_rows(bad)) < 2**16)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_norms_tell_rows_that_are_not_finite(maker: Maker, dtype: str, bad: float) -> None:
    rows = np.ones((3, 5), dtype=dtype)
    rows[1, 2] = bad
    _, squares = maker(np.full((1, 5), 5**-0.5, dtype=np.float32))(rows)
    assert squares[[0, 2]].tolist() == [5, 5]
    assert not squares[1] < HUGE_SQUARE


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_products_are_within_the_bound(maker: Maker, dtype: str) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((300, 77)) + 1).astype(dtype)
    centroids = unit_rows(rng.standard_normal((9, 77)) + 1)
    assert within_bound(maker(centroids.astype(np.float32)), rows, centroids)


def test_a_read_only_memory_map_is_multiplied_without_a_warning(
    maker: Maker, tmp_path: object, recwarn: pytest.WarningsRecorder
) -> None:
    np.save(f"{tmp_path}/rows.npy", np.ones((4, 2), dtype=np.float16))
    rows = np.load(f"{tmp_path}/rows.npy", mmap_mode="r")
    scores, _ = maker(np.array([[0.6, 0.8]], dtype=np.float32))(rows)
    assert scores.tolist() == [[pytest.approx(1.4)] * 4]
    assert not recwarn.list


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_settings_of_the_program_do_not_cost_accuracy(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rows, centroids = rng.standard_normal((512, 256)).astype(np.float32), unit_rows(rng.standard_normal((64, 256)))
    product = torch_product(centroids.astype(np.float32), device)
    vecdot, seen = torch.linalg.vecdot, []  # a processor may not use what it is allowed to use

    def watched(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        seen.append((torch.backends.cuda.matmul.fp32_precision, torch.is_autocast_enabled(device)))
        return vecdot(one, other)

    monkeypatch.setattr(torch.linalg, "vecdot", watched)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast(device, dtype=torch.bfloat16):
            assert within_bound(product, rows, centroids)
        assert seen == [("ieee", False)]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_after_the_trials_the_fastest_way_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = [0.0], []

    def way(name: str, seconds: float) -> Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]:
        def times(rows: np.ndarray) -> np.ndarray:
            calls.append(name)
            clock[0] += seconds * len(rows) * (10 if len(calls) <= 3 else 1)  # disturbed at first
            return np.zeros((1, len(rows)), dtype=np.float32)

        return lambda centroids: times

    monkeypatch.setattr(products, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(products, "WAYS", {"slow": way("slow", 2), "quick": way("quick", 1), "torch": way("torch", 3)})
    product = cpu_product(np.ones((1, 2), dtype=np.float32))
    for rows in range(1, 3 * TRIALS + 6):
        product(np.ones((rows, 2), dtype=np.float32))
    assert {name: calls[: 3 * TRIALS].count(name) for name in calls} == {
        "slow": TRIALS,
        "quick": TRIALS,
        "torch": TRIALS,
    }
    assert calls[3 * TRIALS :] == ["quick"] * 5
    forced = cpu_product(np.ones((1, 2), dtype=np.float32), "slow")
    calls.clear()
    forced(np.ones((1, 2), dtype=np.float32))
    assert calls == ["slow"]


def test_torch_is_not_tried_where_the_program_has_not_imported_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setitem(WAYS, "torch", lambda centroids: pytest.fail("tried"))
    product = cpu_product(np.ones((1, 2), dtype=np.float32))
    assert product(np.ones((3, 2), dtype=np.float16))[0].tolist() == [[2.0] * 3]


def test_the_precision_is_kept_until_the_last_thread_is_out() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        seen = []
        with products._full_float32:
            with products._full_float32:
                pass
            seen.append(torch.backends.mkldnn.matmul.fp32_precision)
        assert seen == ["ieee"]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_bfloat16_would_be_noticed() -> None:
    rng = np.random.default_rng(1)
    rows, centroids = rng.standard_normal((512, 256)).astype(np.float32), unit_rows(rng.standard_normal((64, 256)))

    def coarse(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = torch.tensor(centroids.astype(np.float32)) @ torch.tensor(block).T
        return scores.float().numpy(), np.square(block).sum(axis=1)

    with pytest.raises(AssertionError):
        assert within_bound(coarse, rows, centroids)


def test_the_programs_default_device_is_not_used() -> None:
    rng = np.random.default_rng(2)
    rows, centroids = rng.standard_normal((40, 8)).astype(np.float32), unit_rows(rng.standard_normal((3, 8)))
    weights = centroids.astype(np.float32)
    with torch.device("meta"):
        assert within_bound(torch_product(weights, "cpu"), rows, centroids)
        assert within_bound(cpu_product(weights, "torch"), rows, centroids)


@pytest.mark.parametrize("device", ["no such thing", "meta", ""])
def test_devices_that_torch_cannot_use(device: str) -> None:
    with pytest.raises(ValueError, match=f"^device '{device}' is not one that torch can use here: "):
        torch_product(np.ones((1, 1), dtype=np.float32), device)
