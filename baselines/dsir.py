"""DSIR (Xie et al., NeurIPS 2023): resampling the pool so that its histogram becomes the target's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import grid
from baselines.core.fields import check_count, check_positive
from baselines.core.kmeans import centroids
from baselines.core.pool_clusters import assign
from baselines.core.resampling import gumbel_top_k
from baselines.core.rows import checked_rows, sample_positions
from baselines.core.scoring import unit_rows
from baselines.core.selection import Budget, Features, Selection, check_features, check_shape
from baselines.core.top import images_of
from baselines.registry import Entry


@dataclass(frozen=True)
class DSIR:
    """Data selection by importance resampling (Xie, Santurkar, Ma and Liang, "Data Selection for Language Models via
    Importance Resampling", NeurIPS 2023), with clusters of image features in the place of hashed n-grams.

    A row z of cluster c has the weight w(c) = p(c) / q(c), the share of the target's rows in c over the pool's. (A
    document has many n-grams, so the paper's weight is a product of ratios; an image has one cluster and one ratio.)
    Rows are drawn by these weights without replacement: the highest log w + Gumbel noise win, as in the paper.

    clusters: buckets of the histogram (10,000 in the paper, for documents of hundreds of n-grams). The clusters are
        of the target's rows and a sample of the pool's together, so that the histogram is fine where either has
        mass; a row belongs to the nearest centroid, compared exactly (`assign`), ties by smaller number. At most one
        a row.
    sample: rows of the pool, uniform without replacement by the seed, that are clustered.
    smoothing: rows added to every cluster of the target's histogram, so that a cluster without any is unlikely, not
        impossible (Laplace). The pool's histogram needs none: a row that is weighed was counted.

    The weights know clusters only: within one, picks are uniform, and diversity is kept on purpose. A budget larger
    than the clusters of high weight hold goes on with the next.

    Two passes, one of them over the sample only. Memory: (n + sample) x d float64 numbers for the clustering and
    about 36 bytes a pool row. Raises ValueError for a field out of its range.
    """

    clusters: int = 256
    sample: int = 20_000
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        check_count("clusters", self.clusters)
        check_count("sample", self.sample)
        check_positive("smoothing", self.smoothing)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]; `seed` is that of the sample, k-means and the draw.

        Scores are log w plus the noise that won, in the order drawn. `info`: "clusters", how many were made, and
        "kl_before", "kl_after": the divergence KL(target || .) in nats of the whole pool's histogram and of the
        picks', both smoothed as the target's: what the paper calls KL reduction is their difference.
        Raises BudgetError for a bad budget and for None, FeatureError for features that cannot be compared;
        ValueError when a k-means centre is the zero vector.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images = images_of(budget, n_pool, "dsir")
        check_features(target, "target")
        own = unit_rows(np.asarray(target[0:n_target]))
        centres = self._centres(own, pool, n_pool, seed)
        labels, _ = assign(pool, centres, "pool")
        goal = self._shares(assign(own, centres, "target")[0], len(centres))
        # Clusters without a pool row have no weight; nobody asks for it.
        present = np.maximum(np.bincount(labels, minlength=len(centres)), 1) / n_pool
        positions, scores = gumbel_top_k(np.log(goal / present)[labels], images, seed)
        info = {
            "clusters": len(centres),
            "kl_before": _divergence(goal, self._shares(labels, len(centres))),
            "kl_after": _divergence(goal, self._shares(labels[positions], len(centres))),
        }
        return Selection(positions, scores.astype(np.float32), "budget", info)

    def _centres(self, own: NDArray[np.float64], pool: Features, n_pool: int, seed: int) -> NDArray[np.float64]:
        sampled = checked_rows(pool, sample_positions(n_pool, self.sample, seed), "pool")
        return grid(centroids(np.concatenate([own, unit_rows(sampled)]), self.clusters, seed=seed))

    def _shares(self, labels: NDArray[np.integer], clusters: int) -> NDArray[np.float64]:
        """Smoothed histogram [clusters] that sums to 1."""
        counts = np.bincount(labels, minlength=clusters) + self.smoothing
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    return float(np.sum(p * np.log(p / q)))


entry = Entry("dsir", "baselines.dsir:DSIR", "Xie et al., NeurIPS 2023", version=2, place=9)
