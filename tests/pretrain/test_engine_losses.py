"""The losses of both engines against the papers' formulas, written out here in float64 numpy and loops."""

import math

import numpy as np
import pytest

from benchmark.methods.barlow_twins import BarlowTwins
from benchmark.methods.moco import MoCo
from benchmark.methods.nnclr import NNCLR
from benchmark.methods.simclr import SimCLR
from benchmark.methods.vicreg import VICReg
from benchmark.pretrain.engines import find_engine

N, D = 6, 16


def cos(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def unit(rows):
    return np.stack([row / np.linalg.norm(row) for row in rows])


def cross_entropy(logits, right):
    """-log of the softmax at `right`, of one row of logits."""
    return -math.log(math.exp(logits[right]) / sum(math.exp(logit) for logit in logits))


def rows(number, width=D, n=2 * N):
    return np.random.default_rng(number).normal(size=(n, width))


def nt_xent(z, temperature):
    """SimCLR, equation 1 and algorithm 1."""
    total = 0.0
    for i in range(2 * N):
        others = [k for k in range(2 * N) if k != i]
        logits = [cos(z[i], z[k]) / temperature for k in others]
        total += cross_entropy(logits, others.index((i + N) % (2 * N)))
    return total / (2 * N)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_simclr_is_nt_xent(engine, small, named, midway, temperature):
    learner = engine.build(small(engine.name, SimCLR(temperature=temperature, output=D)), 0)
    loss = learner.loss(named(engine.name, "simclr", z=rows(1)), midway)
    assert loss.item() == pytest.approx(nt_xent(rows(1), temperature), rel=1e-5)


def info_nce(queries, keys, queue, temperature):
    """MoCo, equation 1: the positive key against those of the queue."""
    total = 0.0
    for query, key in zip(unit(queries), unit(keys), strict=True):
        total += cross_entropy([query @ key / temperature, *(query @ old / temperature for old in queue)], 0)
    return total / len(queries)


def test_moco_is_infonce_of_each_view_with_the_queue_of_the_others_keys(engine, small, named, queues, midway):
    method = MoCo(temperature=0.3, queue=24, ema={"base": 0.9}, output=D)
    learner = engine.build(small(engine.name, method), 0)
    q, k = rows(1), rows(2)
    olds = [unit(rows(3, n=24)), unit(rows(4, n=24))]
    for queue, old in zip(queues(learner, "moco"), olds, strict=True):
        queue.copy_(queue.new_tensor(old))
    expected = (info_nce(q[:N], k[N:], olds[0], 0.3) + info_nce(q[N:], k[:N], olds[1], 0.3)) / 2
    loss = learner.loss(named(engine.name, "moco", z=q, t=k), midway)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_moco_of_one_direction_takes_its_queries_from_view_1(small, named, queues, midway):
    method = MoCo(temperature=0.3, queue=16, ema={"base": 0.9}, output=D, symmetric=False)
    learner = find_engine("lightly").build(small("lightly", method), 0)
    (queue,) = queues(learner, "moco")
    old = unit(rows(3, n=16))
    queue.copy_(queue.new_tensor(old))
    loss = learner.loss(named("lightly", "moco", z=rows(1, n=N), t=rows(2, n=N)), midway)
    assert loss.item() == pytest.approx(info_nce(rows(1, n=N), rows(2, n=N), old, 0.3), rel=1e-5)


def test_byol_is_the_sum_of_both_ways_of_2_minus_2_cos(engine, small, named, midway):
    """BYOL, equations 2 and 3."""
    p, t = rows(1), rows(2)
    ways = [np.mean([2 - 2 * cos(p[i], t[N + i]) for i in range(N)])]
    ways += [np.mean([2 - 2 * cos(p[N + i], t[i]) for i in range(N)])]
    loss = engine.build(small(engine.name, "byol"), 0).loss(named(engine.name, "byol", p=p, t=t), midway)
    assert loss.item() == pytest.approx(sum(ways), rel=1e-5)


def test_simsiam_is_the_mean_of_both_ways_of_minus_cos(engine, small, named, midway):
    """SimSiam, equation 4; no gradient goes through the projections."""
    p, z = rows(1), rows(2)
    ways = [np.mean([-cos(p[i], z[N + i]) for i in range(N)]), np.mean([-cos(p[N + i], z[i]) for i in range(N)])]
    outputs = named(engine.name, "simsiam", p=p, z=z)
    loss = engine.build(small(engine.name, "simsiam"), 0).loss(outputs, midway)
    assert loss.item() == pytest.approx(np.mean(ways), rel=1e-5)


@pytest.mark.parametrize(("off_diagonal", "scale"), [(5e-3, 1.0), (0.2, 0.1)])
def test_barlow_twins_pulls_the_cross_correlation_to_the_identity(engine, small, named, midway, off_diagonal, scale):
    """Barlow Twins, equations 1 and 2."""
    z = rows(1)
    a, b = ((view - view.mean(0)) / np.sqrt(view.var(0) + 1e-5) for view in (z[:N], z[N:]))
    expected = 0.0
    for i in range(D):
        for j in range(D):
            c = float(a[:, i] @ b[:, j]) / N
            expected += (1 - c) ** 2 if i == j else off_diagonal * c**2
    method = BarlowTwins(hidden=8, output=D, off_diagonal=off_diagonal, scale=scale)
    loss = engine.build(small(engine.name, method), 0).loss(named(engine.name, "barlow-twins", z=z), midway)
    assert loss.item() == pytest.approx(scale * expected, rel=1e-5)


def variance(z):
    """VICReg, equations 1 and 2."""
    return np.mean([max(0.0, 1 - math.sqrt(z[:, j].var(ddof=1) + 1e-4)) for j in range(D)])


def covariance(z):
    """VICReg, equations 3 and 4."""
    c = np.cov(z, rowvar=False)
    return sum(c[i, j] ** 2 for i in range(D) for j in range(D) if i != j) / D


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)])
def test_vicreg_is_invariance_mean_variance_and_summed_covariance(engine, small, named, midway, weights):
    a, b = rows(1)[:N] / 2, rows(1)[N:] / 3
    parts = (np.mean((a - b) ** 2), (variance(a) + variance(b)) / 2, covariance(a) + covariance(b))
    names = ("invariance", "variance", "covariance")
    method = VICReg(hidden=8, output=D, **dict(zip(names, weights, strict=True)))
    outputs = named(engine.name, "vicreg", z=np.concatenate([a, b]))
    loss = engine.build(small(engine.name, method), 0).loss(outputs, midway)
    assert loss.item() == pytest.approx(np.dot(weights, parts), rel=1e-5)


def neighbour_loss(asking, predicted, queue, temperature):
    """NNCLR, equation 2: the nearest of the queue predicts row i among the predictions of the batch."""
    total = 0.0
    for i, z in enumerate(asking):
        near = max(queue, key=lambda old: cos(z, old))
        total += cross_entropy([cos(near, p) / temperature for p in predicted], i)
    return total / len(asking)


def test_nnclr_is_equation_2_both_ways(engine, small, named, queues, midway):
    method = NNCLR(temperature=0.3, queue=24, hidden=8, output=D, predictor=8)
    learner = engine.build(small(engine.name, method), 0)
    old, z, p = unit(rows(3, n=24)), rows(1), rows(2)
    (queue,) = queues(learner, "nnclr")
    queue.copy_(queue.new_tensor(old))
    expected = (neighbour_loss(z[:N], p[N:], old, 0.3) + neighbour_loss(z[N:], p[:N], old, 0.3)) / 2
    loss = learner.loss(named(engine.name, "nnclr", z=z, p=p), midway)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
