"""Whether to pretrain at all: when a frozen encoder is the better answer, and what it costs to find out."""

from collections.abc import Iterator

from benchmark.commands.sample.estimate import spoken
from benchmark.commands.sample.job import Job
from benchmark.specs.variants import PRETRAINED
from benchmark.specs.wording import counted

FROZEN = "tf_efficientnet_lite0.in1k"
"""The network of timm that docs/samplers.md has figures of."""
FROZEN_SECONDS = 0.05
"""On one CPU core, an image of 224 pixels through `FROZEN`, decoding included."""


def advice(job: Job) -> Iterator[str]:
    """Lines of the card. Nothing where an encoder was named: whoever did so has made the choice."""
    if job.variant.encoder != PRETRAINED:
        return
    images = job.images("targets").count or 0
    yield from ("## Should you pretrain at all?", "")
    yield (
        "A network that others trained with labels is the better answer where its classes are near yours. On 70 bird "
        "species a frozen EfficientNet-Lite0 (labels of ImageNet) probes at 88.7 %; pretraining on the target alone, "
        "or with a coreset of any sampler, gave 23 to 26 % at this scale. That comparison flatters the frozen network: "
        "ImageNet has birds, and shares photographs with CUB. Pretraining is for images unlike those of ImageNet, for "
        "licences that rule its weights out, and for trainings much longer than these."
    )
    yield ""
    yield (
        f"To compare, `--encoder timm:{FROZEN}` samples with that network, and `evaluate --encoder timm:{FROZEN}` "
        f"probes it where there are labels: {spoken(images * FROZEN_SECONDS)} on one CPU core for your "
        f"{counted(images, 'image')}. `pretrain` and `evaluate` of its result are the other side."
    )
