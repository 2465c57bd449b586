"""The words of the suite as frozen, typed records. Unknown fields are refused, defaults are written out in every key.

Nothing here imports torch, pandas or scikit-learn: `plan` and `--help` start from these types alone. A union of specs
is tagged by `kind`, so that a new field of one method or evaluation leaves the keys of all the others as they were.
"""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Metric = Literal["top1", "mean_per_class"]
Precision = Literal["float32", "bfloat16", "float16"]
ProtocolName = Literal["released", "clean"]
Role = Literal["targets", "opensets"]


class Spec(BaseModel):
    """Base of all specs: immutable, hashable, no unknown fields.

    `later` names fields that a spec got after results had been made with it. They are written out only where they are
    not at their default, which means what was done before there was the field: older keys live on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _grown(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name in self.later:
            if getattr(self, name) == type(self).model_fields[name].default:
                written.pop(name, None)
        return written


def canonical_json(value: object) -> str:
    """The one JSON text of `value`: sorted keys, no spaces, no NaN. Specs are dumped with every default written out."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", serialize_as_any=True)
    raise TypeError(f"{type(value).__name__} cannot be part of an identity")


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


# Datasets ------------------------------------------------------------------------------------------------------------


class Target(Spec):
    """A fine-grained labelled dataset with its official split. Counts are images; `metric` is the paper's."""

    name: str
    title: str
    classes: int = Field(gt=0)
    train: int = Field(gt=0)
    test: int = Field(gt=0)
    metric: Metric
    source: str
    licence: str
    citation: str
    split: str


class OpenSet(Spec):
    """An unlabelled pool. `parts` names the open-sets that it is the concatenation of, in order."""

    name: str
    title: str
    images: int = Field(gt=0)
    source: str
    licence: str
    citation: str
    parts: tuple[str, ...] = ()
    note: str = ""


# Recipes and what they are run with -----------------------------------------------------------------------------------


class SeedAxes(Spec):
    """Seeds by what they move. Variants that share an axis share its randomness (Section "Seeds" of docs/protocol)."""

    init: int
    data: int


class Embedding(Spec):
    """How features are taken: the network's pooled output in eval mode on Resize(resize) + CenterCrop(crop).

    `stored` is the Augmentation's: with a square cache, resize and crop are taken from the cached square. `token` is
    the "head"'s own choice (global average pooling; the class token of a vision transformer) or "patches": the mean of
    a vision transformer's patch tokens, through its last normalisation a second time (released sampling with MAE).
    """

    later: ClassVar[tuple[str, ...]] = ("token",)

    resize: int
    crop: int
    stored: int | Literal["original"] = "original"
    precision: Precision = "float32"
    threads: int = 1
    token: Literal["head", "patches"] = "head"


# Samplers ------------------------------------------------------------------------------------------------------------


class RandomSampling(Spec):
    """Uniform, without replacement."""

    kind: Literal["random"] = "random"


class SimCoreSampling(Spec):
    """SimCore (Algorithm 1) with both readings of its ambiguous steps as switches; see docs/protocol.md."""

    kind: Literal["simcore"] = "simcore"
    k: int = Field(gt=0)
    tau: float = 0.95
    reference_round: int = Field(default=1, gt=0)
    failing_round: Literal["kept", "dropped"] = "kept"
    overshoot: Literal["trim", "keep"] = "trim"
    budget_factor: int = 50
    n_init: int = 1


class OracleSampling(Spec):
    """A uniform draw from the images that the pool's relevance labels call relevant to the target; a control."""

    kind: Literal["oracle"] = "oracle"


class PluginSampling(Spec):
    """Any other sampler, by the canonical JSON of what its picks depend on (`benchmark.plugins`).

    `inner` is the SimCore that a sampler around another one wraps.
    """

    kind: Literal["plugin"] = "plugin"
    identity: str
    inner: SimCoreSampling | None = None


Sampling = Annotated[RandomSampling | SimCoreSampling | OracleSampling | PluginSampling, Field(discriminator="kind")]


class Draw(Spec):
    """One run of a sampler. `budget`: images, "5%" of the pool, or None for the stopping rule or an input's size."""

    sampling: Sampling
    budget: int | str | None
    seed: int
