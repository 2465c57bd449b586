"""A stage of a store by its key or label, and the training that it rests on."""

import re
from collections.abc import Iterator

from benchmark.errors import UserError
from benchmark.execution.record import Record, Result
from benchmark.execution.store import Store, StoredStage

KEY = re.compile("[0-9a-f]{8,64}")
ON_AN_ENCODER = ("encoder", "target", "pool", "coreset")
"""Inputs through which a stage rests on an encoder, the nearest first."""


def find_stage(store: Store, name: str) -> StoredStage | None:
    """The stage whose key begins with `name` or whose label it is; None where there is none. UserError for several."""
    entries = store.find(name) if KEY.fullmatch(name) else []
    entries = entries or store.labelled(name)
    if len(entries) > 1 and KEY.fullmatch(name):
        raise UserError(f"{len(entries)} stages of {store.root} have keys that begin with {name}: give more digits")
    if len(entries) > 1:
        keys = ", ".join(entry.key[:12] for entry in entries)
        raise UserError(f"{len(entries)} stages of {store.root} are called '{name}': give a key ({keys})")
    return entries[0] if entries else None


def encoder_of(store: Store, record: Record) -> Result | None:
    """The finished training that a record rests on: its own, that of an evaluation, that whose features a sampler saw.
    None where there is none."""
    if record.kind == "pretrain":
        return store.result("pretrain", record.key)
    for result in _inputs(store, record):
        if (encoder := encoder_of(store, result.record)) is not None:
            return encoder
    return None


def _inputs(store: Store, record: Record) -> Iterator[Result]:
    inputs = record.identity["inputs"]
    for name in ON_AN_ENCODER:
        for entry in store.find(inputs[name]) if name in inputs else ():
            result = store.result(entry.path.parent.name, entry.key) if entry.is_result else None
            if result is not None:
                yield result
