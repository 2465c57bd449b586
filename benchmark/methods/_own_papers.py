"""Methods outside SimCore's tables: heads and loss of their own papers, all else as for SimCLR."""

from benchmark.methods._simcore import BORROWED_LENGTHS
from benchmark.specs.methods import (
    EVERYTHING,
    RESNET50,
    SOLO_LEARN,
    Evidence,
    MethodEntry,
    PublishedRecipe,
    SmallRecipe,
)
from benchmark.specs.recipes import Augmentation, Cosine, Method, Optimiser


def own_paper(
    name: str, title: str, reference: str, method: Method, optimiser: Optimiser, small: Method, lightly: str
) -> MethodEntry:
    """The entry of such a method. `small` is its form in the small profiles, `lightly` the place of its learner."""
    return MethodEntry(
        name=name,
        title=title,
        reference=reference,
        learners={"solo-learn": SOLO_LEARN, "lightly": lightly},
        published=PublishedRecipe(
            method=method,
            backbone=RESNET50,
            augmentation=Augmentation(size=224),
            optimiser=optimiser,
            schedule=Cosine(per="epoch"),
            batch=512,
            batchnorm_group=512,
            drop_last=True,
            lengths=BORROWED_LENGTHS,
            evidence={EVERYTHING: Evidence(tag="ours", note="its own paper's heads and loss, the rest as for SimCLR")},
        ),
        small=SmallRecipe(method=small),
    )
