"""The files that stages leave: their names, and how predictions are hashed. Readers need not import what made them."""

import hashlib

import numpy as np
from numpy.typing import NDArray

FEATURES = "features.npy"
POSITIONS = "positions.npy"
SCORES = "scores.npy"
PICKS = "picks.txt"
PREDICTIONS = "predictions.npz"


def predictions_sha256(predicted: NDArray[np.int32]) -> str:
    """SHA-256 of predictions [n] as little-endian int32."""
    return hashlib.sha256(predicted.astype("<i4").tobytes()).hexdigest()
