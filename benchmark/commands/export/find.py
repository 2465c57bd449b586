"""The training that a key means, and what the store knows around it."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.commands._stages import encoder_of, find_stage
from benchmark.errors import UserError
from benchmark.execution.record import Record, Result
from benchmark.execution.store import Store, StoredStage


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
    """The training whose key begins with `key` or whose label it is, or that the evaluation or the coreset of that key
    or label rests on.

    Raises UserError for what is unknown, ambiguous, unfinished or damaged, and for a stage that rests on no training.
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


def _result(store: Store, name: str) -> Result:
    entry = find_stage(store, name)
    if entry is None:
        raise UserError(
            f"no stage of the store {store.root} has the label or a key of eight or more digits '{name}': 'status' "
            "lists its encoders; --store names another store"
        )
    result = store.result(entry.path.parent.name, entry.key) if entry.is_result else None
    if result is None:
        raise UserError(_why_unfinished(store, entry))
    return result


def _why_unfinished(store: Store, entry: StoredStage) -> str:
    crash = store.crash(entry.key)
    failed = "" if crash is None else f", it failed ({crash.reason})"
    return f"stage {entry.key[:12]} is not finished{failed}: run the command that began it again"


def _encoder_of(store: Store, result: Result) -> Result:
    record, encoder = result.record, encoder_of(store, result.record)
    if encoder is None:
        stage = f"{record.kind} {record.key[:12]} ({record.label})"
        raise UserError(f"{stage} rests on no finished training of {store.root}: 'status' lists those that there are")
    return encoder
