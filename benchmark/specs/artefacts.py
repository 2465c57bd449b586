"""Names of the files that stages write. A reader need not import the code that writes them."""

FEATURES = "features.npy"
POSITIONS = "positions.npy"
SCORES = "scores.npy"
PICKS = "picks.txt"
PREDICTIONS = "predictions.npz"


ENCODER = "encoder.safetensors"
CLASSIFIER = "classifier.safetensors"
