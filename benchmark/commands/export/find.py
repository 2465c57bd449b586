"""The training that a key means, and what the store knows around it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.execution.store import Record, Store

_KEY = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Training:
    """A finished `pretrain` stage with its folder, the draw of its coreset and every probe of its encoder.

    `sample` is None where the training had no coreset, and where its record is not in this store.
    """

    record: Record
    folder: Path
    sample: Record | None
    evaluations: tuple[Record, ...]


def find_training(root: Path, key: str) -> Training:
    """The training whose key begins with `key`, or whose encoder the `evaluate` stage of that key probed.

    Raises UserError for what is no key of eight or more digits, unknown, ambiguous, unfinished or no training.
    """
    store = Store(root)
    record = _encoder_of(store, _record(store, key))
    coreset = record.identity["inputs"].get("coreset")
    evaluations = (_read(folder) for folder in store.finished("evaluate"))
    return Training(
        record,
        store.folder("pretrain", record.key),
        None if coreset is None else _found(store, "sample", coreset),
        tuple(one for one in evaluations if one.identity["inputs"].get("encoder") == record.key),
    )


def _record(store: Store, key: str) -> Record:
    if not _KEY.fullmatch(key):
        raise UserError(f"'{key}' is no key: give the first eight or more hexadecimal digits of a stage's")
    folders = store.find(key)
    if not folders:
        raise UserError(_absence(store, key))
    if len(folders) > 1:
        raise UserError(f"{len(folders)} stages of {store.root} have keys that begin with {key}: give more digits")
    return _read(folders[0])


def _absence(store: Store, key: str) -> str:
    """Why there is no record of `key`: it failed, it has begun, or nothing is known of it."""
    for failed in (store.root / "failed").glob(f"{key}*.json"):
        last = json.loads(failed.read_text())["traceback"].strip().splitlines()[-1]
        return f"stage {key} is not finished, it failed ({last}): run the command that began it again"
    if any(_begun(store, key)):
        return f"stage {key} is not finished: run the command that began it again, it goes on where it was"
    return f"no stage of the store {store.root} has a key that begins with {key}; name another store with --store"


def _begun(store: Store, key: str) -> Iterator[Path]:
    return store.root.glob(f"*/{key}*")


def _encoder_of(store: Store, record: Record) -> Record:
    if record.kind == "pretrain":
        return record
    if record.kind != "evaluate":
        raise UserError(
            f"stage {record.key[:12]} is of kind {record.kind}, no training: give a pretrain or evaluate key"
        )
    key = record.identity["inputs"]["encoder"]
    encoder = _found(store, "pretrain", key)
    if encoder is None:
        raise UserError(
            f"the encoder {key[:12]} of evaluate stage {record.key[:12]} is no finished training of {store.root}"
        )
    return encoder


def _found(store: Store, kind: str, key: str) -> Record | None:
    folder = store.folder(kind, key)
    return _read(folder) if (folder / "record.json").is_file() else None


def _read(folder: Path) -> Record:
    return Record.from_json(json.loads((folder / "record.json").read_text()))
