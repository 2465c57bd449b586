"""How many epochs the released code trains; used by plans and by training, so that both say the same. No torch."""

from benchmark.recipe_specs import CodedEpochs, Epochs


def epochs_of(length: Epochs | CodedEpochs, coreset: int) -> int:
    """Whole passes over the data. By the released rule (`util/sampling.py`): min(cap, int(passes / (|coreset| /
    reference))), the coreset counted without X."""
    if isinstance(length, Epochs):
        return length.epochs
    return min(length.cap, int(length.passes / (coreset / length.reference)))
