"""How good a coreset is, before anything is trained on it: numbers from the features of target and picks alone.

All similarities are cosines of L2-normalised rows. Those with a target row are exact in float64 once unit rows are
rounded to multiples of 2**-26 (`baselines.core.exact`); those between two picks are float32's, good to about 1e-6. A
table is anything sliceable into float16, float32 or float64 rows; `PickedRows` makes one of a pool and positions. Two
tables of n and m rows cost 2 n m d operations and under 0.5 GB of memory whatever n and m. Purity is in
`baselines.purity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from baselines.core.pairs import Between, Within, pairs_between, pairs_within
from baselines.core.rows import PickedRows, Positions, check_positions, rows_at
from baselines.core.selection import Features, check_shape

__all__ = [
    "CoresetMetrics",
    "Overlap",
    "PickedRows",
    "coreset_metrics",
    "coverage_radius",
    "density_and_coverage",
    "facility_location",
    "mean_nearest_similarity",
    "mmd2",
    "near_duplicate_share",
    "overlap",
    "rows_at",
    "source_shares",
]

NEIGHBOURS = 5
"""k of density and coverage, as in the experiments of Naeem et al."""
DUPLICATE_COSINE = 0.95
"""Above this two picks count as near-duplicates. Our choice: no paper fixes it, and encoders differ."""


@dataclass(frozen=True)
class CoresetMetrics:
    """The geometry of a coreset S of m picks beside a target X of n rows.

    picks: m.
    facility_location: sum over X of the largest cosine to a pick (SimCore, equation 2), between -n and n.
    target_to_picks: the same as a mean over X: how well the coreset represents the target.
    picks_to_target: mean over S of the largest cosine to a target row: how much of the coreset is on topic.
    coverage_radius: largest cosine distance, 1 - cosine, from a target row to its nearest pick, 0 to 2.
    density, coverage: see `density_and_coverage`.
    mmd2: see `mmd2`.
    near_duplicates: share of the picks whose nearest other pick has a cosine above the threshold.
    """

    picks: int
    facility_location: float
    target_to_picks: float
    picks_to_target: float
    coverage_radius: float
    density: float
    coverage: float
    mmd2: float
    near_duplicates: float


@dataclass(frozen=True)
class Overlap:
    """What two selections have in common.

    shared: number of common picks.
    jaccard: shared / picks in either.
    share: shared / picks of the smaller selection, 1 when it lies within the other.
    """

    shared: int
    jaccard: float
    share: float


def facility_location(target: Features, picks: Features) -> float:
    """Sum over `target` [n, d] of the largest cosine to a row of `picks` [m, d]: the objective of SimCore's equation 2.

    Between -n and n; the mean is `mean_nearest_similarity`'s first value. With the target's centroids in place of its
    rows it is what SimCore's algorithm climbs.
    """
    return float(pairs_between(target, picks).nearest_pick.sum(dtype=np.float64))


def mean_nearest_similarity(target: Features, picks: Features) -> tuple[float, float]:
    """Mean cosine to the nearest row of the other table: from `target` [n, d] to `picks` [m, d], and back."""
    between = pairs_between(target, picks)
    return float(between.nearest_pick.mean(dtype=np.float64)), float(between.nearest_target.mean(dtype=np.float64))


def coverage_radius(target: Features, picks: Features) -> float:
    """Largest cosine distance, 1 - cosine, from a row of `target` [n, d] to its nearest row of `picks` [m, d]."""
    return 1 - float(pairs_between(target, picks).nearest_pick.min())


def density_and_coverage(target: Features, picks: Features, *, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Density and coverage (Naeem et al., ICML 2020) of `picks` [m, d] around `target` [n, d].

    Every target row has a ball that reaches to its k-th nearest other target row. Density: balls that a pick lies in,
    over k, as a mean over the picks; not bounded by 1. Coverage: share of the balls with a pick inside. On unit rows,
    where Euclidean distance orders as cosine does. A pick on the rim is outside, as in the authors' code.

    Distances are compared exactly, between unit rows rounded to multiples of 2**-26: a copy of the k-th neighbour is on
    the rim, whatever the block size, the threads or the processor. Where the two distances of unit rows that are not
    rounded differ by more than 2**-25 sqrt(d), their comparison gives the same.

    Raises ValueError for k below 1 and for a target of k rows or fewer.
    """
    balls = pairs_within(target, "target", k, precision="exact").farthest
    return _density_and_coverage(pairs_between(target, picks, balls), k)


def mmd2(target: Features, picks: Features) -> float:
    """Unbiased squared MMD between `target` [n, d] and `picks` [m, d], all pairs, with the kernel (cosine + 1)^3.

    The estimator and the kernel of KID (Binkowski et al., ICLR 2018), (x . y / d + 1)^3, on rows of length sqrt(d): on
    rows of length 1 the division by d would leave little but the distance of the means. Exact where KID averages over
    random subsets. Its mean is 0, so it is also negative, when both are
    drawn from one distribution.

    Raises ValueError for a table of one row.
    """
    own = pairs_within(target, "target", 1, precision="exact")
    return _mmd2(own, pairs_within(picks, "picks", 1, precision="fast"), pairs_between(target, picks))


def near_duplicate_share(picks: Features, *, threshold: float = DUPLICATE_COSINE) -> float:
    """Share of the rows of `picks` [m, d] whose nearest other row has a cosine above `threshold`.

    The cosine is float32's: one within about 1e-6 of the threshold may count as above or below it.

    Raises ValueError for a single row.
    """
    return _share_above(pairs_within(picks, "picks", 1, precision="fast"), threshold)


def coreset_metrics(
    target: Features, pool: Features, indices: Positions, *, k: int = NEIGHBOURS, threshold: float = DUPLICATE_COSINE
) -> CoresetMetrics:
    """All geometry metrics of the picks `indices` [m] of `pool` [N, d] for `target` [n, d], in three passes.

    d (n^2 + 2 n m + m^2) operations: with n = 6,000, m = 64,000, d = 2048 about 1e13, two minutes at 100 GFLOP/s; with
    n = 10,000, m = 500,000 an hour and a half, nearly all of it picks against picks. The picked rows are read in the
    order of the pool, once per 4096 target rows and once per 8192 picks. Their order in `indices` does not matter.

    Raises ValueError for fewer than 2 picks or k + 1 target rows, for positions that are repeated or outside the pool;
    FeatureError naming the row for features that have no cosine.
    """
    _, dim = check_shape(target, "target")
    check_shape(pool, "pool", dim=dim)
    if np.unique(indices).size != indices.size:
        raise ValueError("indices must be unique: the same image was picked twice")
    picks = PickedRows(pool, np.sort(indices))
    among = pairs_within(picks, "picks", 1, precision="fast")
    own = pairs_within(target, "target", k, precision="exact")
    between = pairs_between(target, picks, own.farthest)
    density, coverage = _density_and_coverage(between, k)
    return CoresetMetrics(
        picks=len(picks),
        facility_location=float(between.nearest_pick.sum(dtype=np.float64)),
        target_to_picks=float(between.nearest_pick.mean(dtype=np.float64)),
        picks_to_target=float(between.nearest_target.mean(dtype=np.float64)),
        coverage_radius=1 - float(between.nearest_pick.min()),
        density=density,
        coverage=coverage,
        mmd2=_mmd2(own, among, between),
        near_duplicates=_share_above(among, threshold),
    )


def source_shares(indices: Positions, sources: Sequence[str]) -> dict[str, float]:
    """Share of the picks `indices` [m] that comes from each source, given the source of every pool item [N].

    All sources of the pool are there, by name, those without a pick with 0. `source_shares(np.arange(N), sources)` is
    the pool's own mix to compare with. Raises ValueError for no picks or positions outside the pool.
    """
    names, source = np.unique(np.asarray(sources), return_inverse=True)
    check_positions(indices, source.size)
    counts = np.bincount(source[indices], minlength=names.size)
    return {str(name): float(count / indices.size) for name, count in zip(names, counts, strict=True)}


def overlap(first: Positions, second: Positions) -> Overlap:
    """What two selections of positions, each unique and not empty, have in common. Raises ValueError otherwise."""
    for indices in (first, second):
        if indices.size == 0 or np.unique(indices).size != indices.size:
            raise ValueError("overlap needs two selections that are not empty and have no repeated pick")
    shared = int(np.intersect1d(first, second, assume_unique=True).size)
    return Overlap(shared, shared / (first.size + second.size - shared), shared / min(first.size, second.size))


def _density_and_coverage(between: Between, k: int) -> tuple[float, float]:
    return float(between.inside.sum() / (k * between.nearest_target.size)), float(np.mean(between.inside > 0))


def _mmd2(target: Within, picks: Within, between: Between) -> float:
    return target.kernel + picks.kernel - 2 * between.kernel


def _share_above(picks: Within, threshold: float) -> float:
    return float(np.mean(picks.nearest[:, -1] > threshold))
