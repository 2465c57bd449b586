"""A new sampler beside SimCore and other baselines, on the same features, budgets and seeds."""
