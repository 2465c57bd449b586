"""Self-supervised pretraining: one training loop. An engine (lightly or solo-learn) gives the heads and losses."""
