"""Evaluations of an encoder on a target: each gives one number, with a prediction for every test image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ProbeResult:
    """`predicted` and `labels` are int32 [n_test], `accuracy` is in percent; `info` is JSON-able."""

    predicted: NDArray[np.int32]
    labels: NDArray[np.int32]
    accuracy: float
    info: dict[str, Any]
