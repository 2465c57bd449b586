"""Code that trainings and feature extraction share: backbones, augmentation, loader, optimisers, schedule."""
