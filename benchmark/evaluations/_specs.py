"""The specs of the linear probes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.specs.base import Spec
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Augmentation, Embedding, Optimiser, Precision


# Probes --------------------------------------------------------------------------------------------------------------
class CleanProbe(Spec):
    """Frozen eval-mode features, extracted once; multinomial logistic regression, L2 strength chosen on a validation
    part of train (the last `validation` of every class, contiguous, since neighbours are near-duplicates), refit on all
    of train, one number on test."""

    kind: Literal["clean"] = "clean"
    embedding: Embedding
    metric: Metric
    strengths: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
    validation: float = 0.25


class ReleasedProbe(Spec):
    """The released linear evaluation: augmented training images, lr 10, step decay, BatchNorm adapting on a copy of the
    encoder, best test epoch reported (best minus last stands in the record).

    `standardise`: a BatchNorm without parameters (eps 1e-6) before the linear layer, whose weights start at N(0, 0.01):
    the released probe of MAE.
    """

    later: ClassVar[tuple[str, ...]] = ("standardise",)

    kind: Literal["released"] = "released"
    embedding: Embedding
    metric: Metric
    augmentation: Augmentation
    optimiser: Optimiser
    batch: int = 256
    epochs: int = 100
    decay_epochs: tuple[int, ...] = (60, 80)
    decay: float = 0.1
    adapt_batchnorm: bool = True
    batchnorm_group: int | None = None
    epoch_choice: Literal["best_test", "last"] = "best_test"
    precision: Precision = "float32"
    seed: int = 0
    standardise: bool = False


class OnlineProbe(Spec):
    """The accuracy on test of the linear classifier that was trained beside the method (`Online`), on eval-mode
    features of the trained encoder."""

    kind: Literal["online"] = "online"
    embedding: Embedding
    metric: Metric


Probe = Annotated[CleanProbe | ReleasedProbe | OnlineProbe, Field(discriminator="kind")]
