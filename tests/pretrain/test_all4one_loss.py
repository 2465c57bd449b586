"""All4One's three terms against its published formulas and the released code's constants, in float64 numpy."""

import math

import numpy as np
import pytest
import torch

from benchmark.methods.all4one import All4One
from benchmark.training.backbones import Groups, group_batchnorm

N, D, QUEUE = 4, 16, 24


def rows(number, n=2 * N):
    return np.random.default_rng(number).normal(size=(n, D))


def unit(a):
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def nce(a, b, temperature):
    """Row i of `a` against all rows of `b`: cross-entropy with the diagonal as target."""
    total = 0.0
    for i, row in enumerate(unit(a)):
        powers = [math.exp(row @ other / temperature) for other in unit(b)]
        total -= math.log(powers[i] / sum(powers))
    return total / len(a)


def positions():
    """[5, D]: what is encoded is the number of the feature, with one channel for every neighbour."""
    table = np.empty((5, D))
    for rank in range(5):
        frequency = 10000 ** (-2 * (rank // 2) / 6)
        for d in range(D):
            table[rank, d] = (math.sin if rank % 2 == 0 else math.cos)(frequency * d)
    return table


def nearest(z, queue):
    """The five of the queue that are nearest to every row, best first, [n, 5, D]."""
    return queue[np.argsort(-(z @ queue.T), axis=1)[:, :5]]


def redundancy(m, z):
    """Sums of squares on and off the diagonal of the correlation of columns, not centred."""
    c = (m / np.linalg.norm(m, axis=0)).T @ (z / np.linalg.norm(z, axis=0))
    off = [c[i, j] ** 2 for i in range(D) for j in range(D) if i != j]
    return np.mean((np.diag(c) - 1) ** 2), np.mean(off)


@pytest.fixture
def learner(solo, small):
    method = All4One(temperature=0.3, queue=QUEUE, ema={"base": 0.9}, hidden=8, output=D, predictor=8)
    learner = solo.build(small(solo.name, method), 0)
    learner.method.queue.copy_(torch.from_numpy(unit(rows(5, QUEUE))))
    # Without dropout, and with BatchNorm by its running statistics: layers give one value for one input.
    return learner.eval()


def test_all4one_is_half_of_centroid_neighbour_and_redundancy_terms(learner, midway):
    built, queue = learner.method, unit(rows(5, QUEUE))
    m = unit(rows(1))
    feats = torch.from_numpy(np.random.default_rng(2).normal(size=(2 * N, built.features_dim))).float()

    def layers(network, x):
        with torch.no_grad():
            return network(torch.as_tensor(x, dtype=torch.float32)).double().numpy()

    z = layers(built.projector, feats)
    p, shifted = layers(built.predictor, z), layers(built.predictor2, z)
    near1, near2 = nearest(m[:N], queue), nearest(m[N:], queue)

    def centroid(tokens):
        return layers(built.transformer_encoder, tokens + positions())[:, 0]

    def shift(prediction, near):
        return centroid(np.concatenate([prediction[:, None], near[:, :4]], 1))

    centroids = nce(centroid(near1), shift(shifted[N:], near2), 0.1) / 2
    centroids += nce(centroid(near2), shift(shifted[:N], near1), 0.1) / 2
    neighbours = (nce(near1[:, 0], p[N:], 0.3) + nce(near2[:, 0], p[:N], 0.3)) / 2
    parts = np.mean([redundancy(m[:N], z[N:]), redundancy(m[N:], z[:N])], axis=0)
    features = 10 * (0.5 * math.sqrt(parts[0]) + 0.5 * math.sqrt(parts[1]))

    made = {"feats": feats, "z": feats, "p": feats, "momentum_z": torch.from_numpy(m).float()}
    loss = learner.loss(made, midway)
    seen = learner.statistics()
    assert seen["train_att_nnclr_loss"] == pytest.approx(centroids, rel=1e-4)
    assert seen["train_nnclr_loss"] == pytest.approx(neighbours, rel=1e-4)
    assert seen["train_feature_loss"] == pytest.approx(features, rel=1e-4)
    assert loss.item() == pytest.approx((centroids + neighbours + features) / 2, rel=1e-4)
    # View 1's projections of the teacher take the places of the oldest, after the loss.
    assert np.allclose(built.queue[:N].numpy(), m[:N], atol=1e-6)
    assert np.allclose(built.queue[N:].numpy(), queue[N:], atol=1e-6)


def test_the_positional_term_is_that_of_the_released_code(learner):
    """Its frequencies, and features instead of neighbours as what is counted."""
    terms = learner.method.pos_enc.penc(torch.zeros(1, 5, D))[0].numpy()
    assert np.allclose(terms, positions(), atol=1e-5)
    assert terms[2, 1] == pytest.approx(math.sin(0.046416), abs=1e-6)
    assert terms[4, 3] == pytest.approx(math.sin(3 * 0.0021544), abs=1e-6)


def test_heads_that_the_loss_calls_view_by_view_are_normalised_over_a_whole_view(learner):
    """BatchNorm groups are of one view: to be cut out of a joint pass, and nothing to cut where a view comes alone."""
    learner.train()
    for module in learner.normalised_by_groups():
        group_batchnorm(module, Groups(2))
    view = torch.randn(8, learner.method.projector[0].in_features)
    for head in (learner.method.projector, learner.method.predictor, learner.method.predictor2):
        made = head[:2](torch.randn(8, head[0].in_features)).detach()
        assert torch.allclose(made.mean(0), torch.zeros(made.shape[1]), atol=1e-5)
        assert not torch.allclose(made[:4].mean(0), torch.zeros(made.shape[1]), atol=1e-2)
    both = learner.method.momentum_projector[:2](torch.cat([view, view + 1])).detach()
    assert torch.allclose(both[:8].mean(0), torch.zeros(both.shape[1]), atol=1e-5)
