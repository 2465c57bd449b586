"""The clean linear probe: frozen features, multinomial logistic regression, L2 strength chosen on a part of train.

Features are taken as they are. Standardising them would make the penalty depend on each feature's spread and so would
be one more choice made on train; the strengths span seven decades instead, and the objective is then exactly the one of
scikit-learn's LogisticRegression(C=1 / (strength * n)): mean cross-entropy + strength / 2 * ||W||^2, biases free.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.evaluations._predictions import ProbeResult
from benchmark.evaluations.linear_clean import CleanProbe
from benchmark.progress import Progress, silent
from benchmark.statistics import accuracy
from benchmark.training.numerics import fixed

Floats = NDArray[np.float64]
_GRADIENT = 1e-5
_CHANGE = 1e-9
_ITERATIONS = 5000
_HISTORY = 20


@dataclass(frozen=True)
class Classifier:
    """`weight` float64 [classes, d], `bias` float64 [classes]; `objective` at the solution."""

    weight: Floats
    bias: Floats
    objective: float
    iterations: int

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.int32]:
        """The most likely class of every row, int32 [n]; the lower one of equals."""
        scores: Floats = features.astype(np.float64) @ self.weight.T + self.bias
        best: NDArray[np.int32] = scores.argmax(1).astype(np.int32)
        return best


def clean_probe(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    spec: CleanProbe,
    *,
    progress: Progress = silent,
) -> ProbeResult:
    """Probe features [n, d] with labels 0 .. classes - 1 in the order of the manifest; test is looked at once.

    `info`: the strength chosen, the validation accuracy of every strength in percent, and the size of the split. Ties
    go to the stronger penalty. Raises UserError when no class has an image to spare for validation.
    """
    with fixed(spec.embedding.threads):
        held = held_out(train_labels, spec.validation)
        if not held.any():
            raise UserError("the clean probe needs a class with two or more training images, to choose its penalty on")
        fitted = paths(train[~held], train_labels[~held], spec.strengths, int(train_labels.max()) + 1, progress)
        curve = {
            strength: accuracy(one.predict(train[held]), train_labels[held], spec.metric)
            for strength, one in fitted.items()
        }
        chosen = max(curve, key=lambda strength: (curve[strength], strength))
        final = fit(train, train_labels, chosen, int(train_labels.max()) + 1)
        predicted = final.predict(test)
    info = {
        "strength": chosen,
        "validation": [[strength, value] for strength, value in sorted(curve.items())],
        "validation_images": int(held.sum()),
        "iterations": final.iterations,
    }
    labels = test_labels.astype(np.int32)
    return ProbeResult(predicted, labels, accuracy(predicted, labels, spec.metric), info)


def held_out(labels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which images are for validation: the last `share` of every class, at least one and never all; bool [n]."""
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        count = min(max(1, int(len(members) * share + 0.5)), len(members) - 1)
        held[members[len(members) - count :]] = True
    return held


def paths(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    strengths: tuple[float, ...],
    classes: int,
    progress: Progress = silent,
) -> dict[float, Classifier]:
    """The classifier of every strength."""
    problem = _Problem(features, labels, classes)
    fitted: dict[float, Classifier] = {}
    for strength in sorted(strengths, reverse=True):
        fitted[strength] = problem.solve(strength)
        progress("fits", len(fitted), len(strengths))
    return fitted


def fit(features: NDArray[np.float32], labels: NDArray[np.int64], strength: float, classes: int) -> Classifier:
    """The classifier that minimises mean cross-entropy + strength / 2 * ||W||^2."""
    return _Problem(features, labels, classes).solve(strength)


class _Problem:
    """The objective in coordinates in which L-BFGS needs few steps; the optimum is the same.

    Features are centred (the free bias takes it up) and turned to their principal axes, each scaled by the inverse root
    of the curvature that the objective has along it at equal class probabilities.
    """

    def __init__(self, features: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> None:
        x = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float64))
        self._mean = x.mean(0)
        centred = x - self._mean
        self._variance, self._axes = torch.linalg.eigh(centred.T @ centred / len(x))
        self._variance = self._variance.clamp(min=0.0)
        self._turned = centred @ self._axes
        self._labels = torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))
        self._classes = classes

    def solve(self, strength: float) -> Classifier:
        d = len(self._variance)
        scale = (self._variance / self._classes + strength).rsqrt()
        x = self._turned * scale
        penalty = strength * scale.square()

        theta = torch.zeros(d + 1, self._classes, dtype=torch.float64)
        solver = torch.optim.LBFGS(
            [theta],
            max_iter=_ITERATIONS,
            max_eval=2 * _ITERATIONS,
            tolerance_grad=_GRADIENT,
            tolerance_change=_CHANGE,
            history_size=_HISTORY,
            line_search_fn="strong_wolfe",
        )

        def objective() -> torch.Tensor:
            value, theta.grad = self._value_and_gradient(theta, x, penalty)
            return value

        solver.step(objective)  # type: ignore[no-untyped-call]
        value, _ = self._value_and_gradient(theta, x, penalty)
        weight = (self._axes @ (theta[:d] * scale[:, None])).T
        bias = theta[d] - weight @ self._mean
        return Classifier(weight.numpy(), bias.numpy(), float(value), solver.state[theta]["n_iter"])

    def _value_and_gradient(
        self, theta: torch.Tensor, x: torch.Tensor, penalty: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        weight, n = theta[:-1], len(x)
        log_probability = torch.log_softmax(x @ weight + theta[-1], 1)
        picked = log_probability.gather(1, self._labels[:, None])
        value = -picked.mean() + (penalty[:, None] * weight.square()).sum() / 2
        residual = log_probability.exp_()
        residual[torch.arange(n), self._labels] -= 1.0
        gradient = torch.cat([x.T @ residual / n + penalty[:, None] * weight, residual.mean(0)[None]])
        return value, gradient
