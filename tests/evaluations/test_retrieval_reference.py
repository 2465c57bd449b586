"""Retrieval against pytorch-metric-learning, on the same features.

The package is one of the extra `test`. Its MAP is the mean over the
queries of average precision over the whole ranking, its precision_at_1 is rank-1. R-precision and MAP@R, which it has
too, are computed here from our ranking, so that the ranking itself is checked to the R-th place.
"""

import sys

import numpy as np
import pytest
import torch

from benchmark.evaluations.retrieval import answers, ranked_hits


@pytest.fixture(scope="module")
def calculator():
    """`calculator(names, k)`. Imported without faiss, whose methods the package replaces for the whole process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "faiss", None)
        from pytorch_metric_learning.distances import CosineSimilarity
        from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
        from pytorch_metric_learning.utils.inference import CustomKNN
    search = CustomKNN(CosineSimilarity(), batch_size=64)
    return lambda names, k: AccuracyCalculator(names, k=k, knn_func=search)


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_the_measures_are_those_of_pytorch_metric_learning(clusters, calculator, spread):
    x, y = clusters(30, 1, spread=spread)
    # Classes of several sizes; one image is alone in its class, and a query that both leave out.
    kept = np.random.default_rng(0).permutation(len(x))[:101]
    x, y = np.concatenate([x[kept], x[:1] + 1]), np.concatenate([y[kept], [99]])
    names = ("precision_at_1", "r_precision", "mean_average_precision", "mean_average_precision_at_r")
    expected = calculator(names, len(x) - 1).get_accuracy(torch.from_numpy(x), torch.from_numpy(y))
    got = answers(x, y)
    assert np.nanmean(got.rank1) == pytest.approx(100 * expected["precision_at_1"])
    assert np.nanmean(got.precision) == pytest.approx(100 * expected["mean_average_precision"], abs=1e-4)
    r_precision, map_at_r = at_r(x, y)
    assert r_precision == pytest.approx(expected["r_precision"], abs=1e-6)
    assert map_at_r == pytest.approx(expected["mean_average_precision_at_r"], abs=1e-6)


def at_r(features, labels):
    """R-precision and MAP@R (Musgrave et al. 2020) of our ranking: R is the number of images of the query's class."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    hits = ranked_hits((unit @ unit.T).astype(np.float32), np.arange(len(unit)), labels)
    relevant = hits.sum(axis=1)
    first = hits[relevant > 0] & (np.arange(hits.shape[1]) < relevant[relevant > 0, None])
    precision = first.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    shares = [values.sum(axis=1) / relevant[relevant > 0] for values in (first, first * precision)]
    return tuple(float(share.mean()) for share in shares)
