"""The names of the files that stages leave; who reads them need not import what made them."""

FEATURES = "features.npy"
POSITIONS = "positions.npy"
SCORES = "scores.npy"
PICKS = "picks.txt"
PREDICTIONS = "predictions.npz"
