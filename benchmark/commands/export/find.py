"""The training that a key means, and what the store knows around it."""

import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.execution.record import Record, Result
from benchmark.execution.store import Store, StoredStage

_KEY = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Training:
    """A finished `pretrain` stage, the draw of its coreset and every probe of its encoder.

    `sample` is None where the training had no coreset, and where its record is not in this store.
    """

    result: Result
    sample: Record | None
    evaluations: tuple[Record, ...]

    @property
    def record(self) -> Record:
        return self.result.record


def find_training(root: Path, key: str) -> Training:
    """The training whose key begins with `key`, or whose encoder the `evaluate` stage of that key probed.

    Raises UserError for what is no key of eight or more digits, unknown, ambiguous, unfinished, damaged or no training.
    """
    store = Store(root)
    result = _encoder_of(store, _result(store, key))
    coreset = result.record.identity["inputs"].get("coreset")
    sample = None if coreset is None else store.result("sample", coreset)
    probes = (probe.record for probe in store.finished("evaluate"))
    return Training(
        result,
        None if sample is None else sample.record,
        tuple(probe for probe in probes if probe.identity["inputs"].get("encoder") == result.record.key),
    )


def _result(store: Store, key: str) -> Result:
    if not _KEY.fullmatch(key):
        raise UserError(f"'{key}' is no key: give the first eight or more hexadecimal digits of a stage's")
    entries = store.find(key)
    if len(entries) > 1:
        raise UserError(f"{len(entries)} stages of {store.root} have keys that begin with {key}: give more digits")
    if not entries:
        raise UserError(
            f"no stage of the store {store.root} has a key that begins with {key}; name another store with --store"
        )
    (entry,) = entries
    result = store.result(entry.path.parent.name, entry.key) if entry.is_result else None
    if result is None:
        raise UserError(_why_unfinished(store, entry))
    return result


def _why_unfinished(store: Store, entry: StoredStage) -> str:
    crash = store.crash(entry.key)
    failed = "" if crash is None else f", it failed ({crash.reason})"
    return f"stage {entry.key[:12]} is not finished{failed}: run the command that began it again"


def _encoder_of(store: Store, result: Result) -> Result:
    record = result.record
    if record.kind == "pretrain":
        return result
    if record.kind != "evaluate":
        raise UserError(
            f"stage {record.key[:12]} is of kind {record.kind}, no training: give a pretrain or evaluate key"
        )
    key = record.identity["inputs"]["encoder"]
    encoder = store.result("pretrain", key)
    if encoder is None:
        raise UserError(
            f"the encoder {key[:12]} of evaluate stage {record.key[:12]} is no finished training of {store.root}"
        )
    return encoder
