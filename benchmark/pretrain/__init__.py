"""Self-supervised pretraining: one loop of ours, the methods' heads and losses by an engine (lightly or solo-learn)."""
