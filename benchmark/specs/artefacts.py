"""Names of the files that stages write. Readers need not import what wrote them."""

FEATURES = "features.npy"
POSITIONS = "positions.npy"
SCORES = "scores.npy"
PICKS = "picks.txt"
PREDICTIONS = "predictions.npz"
OUTCOMES = "outcomes.npz"
"""What each item contributed to each of several measures; `PREDICTIONS` are those of one classifier."""


ENCODER = "encoder.safetensors"
CLASSIFIER = "classifier.safetensors"
