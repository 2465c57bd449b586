"""Names of the files that stages write. Readers need not import what wrote them."""

FEATURES = "features.npy"
POSITIONS = "positions.npy"
SCORES = "scores.npy"
PICKS = "picks.txt"
PREDICTIONS = "predictions.npz"


ENCODER = "encoder.safetensors"
CLASSIFIER = "classifier.safetensors"
