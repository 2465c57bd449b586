"""Nearest-neighbour retrieval: each target image brings its nearest pool images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import checked
from baselines.core.neighbours import nearest_rows
from baselines.core.scoring import unit_rows
from baselines.core.selection import Budget, Features, Selection

GROWTH = 4
"""The neighbours kept per image grow by this factor when they bring too few images."""


class _Found(NamedTuple):
    """Of every pool row: the best rank int64 [N] (from 0) it has with any image, and its cosine there; and the rank
    from which on some image's neighbours are not known.
    """

    ranks: NDArray[np.int64]
    cosines: NDArray[np.float64]
    depth: int


@dataclass(frozen=True)
class NearestRetrieval:
    """The sample-based retrieval of DINOv2's data curation (Oquab et al., "DINOv2: Learning Robust Visual Features
    without Supervision", TMLR 2024, section 3 and appendix A.4).

    Every target image retrieves its k nearest pool images by cosine; an image that several retrieve counts once. The
    paper fixes k (4, and 32 for one source) and takes what comes; here the budget fixes k: the smallest k whose union
    meets it. The picks are in order of rank (all nearest rows, then all second-nearest ones that are new, ...), within
    a rank in order of cosine, ties by smaller position; the last rank is cut where the budget is full. `info["k"]`
    is the k that was reached.

    Not SimCore with every image a centroid: there an image whose neighbour is taken moves on to its next, here
    neighbours in common are lost, so an image in a dense place of the target gets fewer rows of its own.

    Exact, where the authors search an inverted file with product quantisation. Time: one pass over the pool for 4096
    target images, N n d multiplications, and again with four times the neighbours when they turn out too few.
    Memory: 16 bytes per pool row, besides the 2**22 candidates that are kept at a time.
    """

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]. Scores are cosines to the image that brought the row.

        seed: not used, nothing is drawn.

        Raises BudgetError (also for None), FeatureError.
        """
        rows, images = checked(target, pool, budget, "nearest")
        points = unit_rows(rows)
        m = min(len(pool), GROWTH * -(-images // len(points)) + 16)
        while True:
            found = _search(pool, points, m)
            picks = np.flatnonzero(found.ranks < found.depth)
            if picks.size >= images:
                break
            m = min(len(pool), GROWTH * m)
        picks = picks[np.lexsort((picks, -found.cosines[picks], found.ranks[picks]))][:images]
        info = {"k": int(found.ranks[picks[-1]]) + 1, "m": m}
        return Selection(picks, found.cosines[picks].astype(np.float32), "budget", info)


def _search(pool: Features, points: NDArray[np.float64], m: int) -> _Found:
    n_pool = len(pool)
    ranks, cosines, depth = np.full(n_pool, n_pool), np.full(n_pool, -np.inf), n_pool
    for near, scores in nearest_rows(pool, points, m, np.zeros(n_pool, dtype=np.bool_)):
        rank = np.arange(near.size)
        better = (rank < ranks[near]) | ((rank == ranks[near]) & (scores > cosines[near]))
        ranks[near[better]], cosines[near[better]] = rank[better], scores[better]
        depth = min(depth, near.size)
    return _Found(ranks, cosines, depth)
