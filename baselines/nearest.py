"""Nearest-neighbour retrieval: each target image brings its nearest pool images."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.core.exact import checked
from baselines.core.round_robin import round_robin
from baselines.core.scoring import unit_rows
from baselines.core.selection import Budget, Features, Selection
from baselines.registry import Entry


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

    Exact, where the authors search an inverted file with product quantisation. Time and memory: see `round_robin`.
    """

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]. Scores are cosines to the image that brought the row.

        seed: not used, nothing is drawn.

        Raises BudgetError (also for None), FeatureError.
        """
        rows, images = checked(target, pool, budget, "nearest")
        turns = round_robin(unit_rows(rows), pool, images)
        return Selection(turns.positions, turns.scores, "budget", {"k": turns.rounds})


entry = Entry("nearest", "baselines.nearest:NearestRetrieval", "Oquab et al., DINOv2, TMLR 2024, section 3", place=4)
