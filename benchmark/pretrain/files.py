"""The files of a finished training. Nothing here needs torch."""

ENCODER = "encoder.safetensors"
CLASSIFIER = "classifier.safetensors"
