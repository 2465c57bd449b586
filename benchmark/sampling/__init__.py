"""From the name of a sampler to the stages that make a coreset."""
