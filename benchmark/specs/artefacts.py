"""Names of the files that stages write. A reader need not import the code that writes them."""

FEATURES = "features.npy"
POSITIONS = "positions.npy"
SCORES = "scores.npy"
PICKS = "picks.txt"
PREDICTIONS = "predictions.npz"
OUTCOMES = "outcomes.npz"
"""What each item contributed to each of several measures; `PREDICTIONS` are those of one classifier."""


ENCODER = "encoder.safetensors"
CLASSIFIER = "classifier.safetensors"
CHECKPOINT = "checkpoint.safetensors"
"""What an unfinished training leaves; its tensor `LOSSES` has an entry for every step done."""
LOSSES = "losses"
