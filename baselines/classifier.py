"""Classifier score: the pool rows that a logistic regression takes for the target's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.fields import check_count, check_positive
from baselines.core.rows import checked_rows, sample_positions
from baselines.core.scoring import exact_scores, unit_rows
from baselines.core.selection import Budget, Features, Selection, check_features, check_shape
from baselines.core.top import images_of, selection
from baselines.registry import Entry

MAX_ITERATIONS = 1000
"""Steps of the solver (L-BFGS): on unit rows it takes some tens."""


@dataclass(frozen=True)
class ClassifierScore:
    """A domain classifier as a density ratio (Bickel, Brückner and Scheffer, "Discriminative Learning Under Covariate
    Shift", JMLR 2009): X against OS by logistic regression (scikit-learn) on L2-normalised features; the rows of the
    highest log-odds of X are picked, ties by smaller position. It is also the classifier filter of language-model
    data (GPT-3, appendix A), without its noise.

    sample: rows of OS that stand for it in training, uniform without replacement by the seed, at most the pool. They
        are scored and may be picked as all others are. Each was told to be "not X", which lowers its score a little;
        with few rows in many dimensions, where the classifier can learn rows by heart, more than a little. A sample
        small beside the pool keeps the effect to few rows. `info["trained_on"]` is how many of OS were trained on.
    c: inverse strength of the L2 penalty, scikit-learn's C.

    The two classes weigh the same however many rows they have; this moves the intercept and the balance of the
    penalty. The sample holds what of OS belongs to X too, so the log-odds are those of X against a mixture: a
    monotone function of the density ratio, hence the same order.

    Log-odds are added up in a fixed order (`exact_scores`): equal rows tie, wherever they stand. The weights themselves
    may differ in their last digits between processors, as the solver adds up by BLAS.

    Training takes at most (n + sample) x d float64 numbers of memory, scoring one block of the pool. Raises
    ValueError for a field out of its range.
    """

    sample: int = 20_000
    c: float = 1.0

    def __post_init__(self) -> None:
        check_count("sample", self.sample)
        check_positive("c", self.c)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]; `seed` draws the rows of the pool that are trained on.

        Scores are log-odds. `info`: "trained_on", and "converged": whether the solver reached its tolerance.
        Raises BudgetError for a bad budget and for None, FeatureError for features that cannot be compared.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images_of(budget, n_pool, "classifier")
        check_features(target, "target")
        positions = sample_positions(n_pool, self.sample, seed)
        own = unit_rows(np.asarray(target[0:n_target]))
        log_odds, converged = _train(own, unit_rows(checked_rows(pool, positions, "pool")), self.c)
        info = {"trained_on": positions.size, "converged": converged}
        return selection(pool, log_odds, budget, "classifier", info)


def _train(
    own: NDArray[np.float64], other: NDArray[np.float64], c: float
) -> tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], bool]:
    # Late: scikit-learn costs more than a second to import and is needed here only.
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    model = LogisticRegression(C=c, class_weight="balanced", max_iter=MAX_ITERATIONS)
    with threadpool_limits(1):
        model.fit(np.concatenate([own, other]), np.repeat([1, 0], [len(own), len(other)]))
    intercept, converged = float(model.intercept_[0]), bool(model.n_iter_[0] < MAX_ITERATIONS)
    return lambda rows: exact_scores(rows, model.coef_)[:, 0] + intercept, converged


entry = Entry(
    "classifier",
    "baselines.classifier:ClassifierScore",
    "logistic density ratio, Bickel et al., JMLR 2009",
    version=2,
    place=10,
)
