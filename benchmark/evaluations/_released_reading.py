"""What the released code does alike in its linear probe and in its fine-tuning (`train_sup.py`)."""

from benchmark.specs.recipes import Augmentation


def crops_and_flips(trained: Augmentation) -> Augmentation:
    """The augmentation of labelled images, of crops and flips alone, at the sizes of the training `trained`."""
    return Augmentation(
        size=trained.size,
        stored=trained.stored,
        jitter=trained.jitter,
        jitter_probability=0.0,
        grey_probability=0.0,
    )


def decayed(peak: float, decay: float, decay_epochs: tuple[int, ...], epoch: int) -> float:
    """The learning rate of `epoch` (from 1): times `decay` for every decay epoch before it (`util/misc.py`,
    adjust_lr_wd)."""
    return peak * decay ** sum(epoch > passed for passed in decay_epochs)
