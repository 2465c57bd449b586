"""The words that describe a coreset: which sampler, with which fields, how many images."""

import json
from collections.abc import Mapping
from typing import Any

from benchmark.specs.wording import counted
from benchmark.stages.sample.names import INNER


def sampler_text(sampling: dict[str, Any]) -> str:
    """The sampler's name with its fields, a wrapped sampler's too, and the hash of code or lists from outside."""
    identity: dict[str, Any] = json.loads(sampling["identity"]) if sampling["kind"] == "plugin" else {}
    name = identity.get("sampler") or identity.get("class") or ("list of ids" if identity else sampling["kind"])
    fields = (
        identity.get("fields", {}) if identity else {key: value for key, value in sampling.items() if key != "kind"}
    )
    if inner := sampling.get("inner"):
        fields |= {INNER: {key: value for key, value in inner.items() if key != "kind"}}
    fields |= {key: value for key, value in identity.items() if key.endswith("sha256")}
    return f"{name} ({_fields_text(fields)})" if fields else str(name)


def picked_text(metrics: Mapping[str, Any]) -> str:
    """How many images were picked, which share of the pool they are, and what ended the picking."""
    share = f"{100 * metrics['share']:.2f} % of the pool"
    return f"{counted(metrics['size'], 'image')}, {share}, stopped by {metrics['stopped_by']}"


def _fields_text(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_field_text(value)}" for key, value in fields.items())


def _field_text(value: object) -> str:
    return f"({_fields_text(value)})" if isinstance(value, dict) else "by default" if value is None else str(value)
