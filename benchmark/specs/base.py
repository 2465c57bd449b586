"""Specs: frozen, typed records. Unknown fields are refused, and every key has the defaults written out.

Nothing here imports torch, pandas or scikit-learn: `plan` and `--help` need only these types. A union of specs is
tagged by `kind`, so that a new field of one method or evaluation changes no key of the others.
"""

import hashlib
import json
from typing import Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
)

ProtocolName = Literal["released", "clean"]


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
