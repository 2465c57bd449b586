"""The verb `status`: what a store holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import StorePath
from benchmark.specs.artefacts import CHECKPOINT, LOSSES
from benchmark.specs.folding import show as show_text
from benchmark.specs.wording import counted

if TYPE_CHECKING:
    from benchmark.execution.store import Store, StoredStage


def verb(
    store: StorePath = Path("runs"),
    check: Annotated[
        bool, typer.Option("--check", help="read every byte; exit code 1 if anything is not as it was written")
    ] = False,
) -> None:
    """What a store holds: finished stages by kind, encoders, damage, disk used; of failures and unfinished trainings
    the command that goes on."""
    if check:
        text, whole = check_text(store)
        show_text(text)
        raise typer.Exit(0 if whole else 1)
    show_text(store_text(store))


def store_text(root: Path) -> str:
    """What a store holds."""
    from benchmark.execution.store import existing_store

    store = existing_store(root)
    lines = [f"store {root}"]
    for kind in store.kinds():
        folders = [result.folder for result in store.finished(kind)]
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
        lines.append(f"  {kind:<9} {len(folders):>5} finished {size / 1e6:>10,.1f} MB")
    lines += [] if lines[1:] else ["  no finished stage"]
    lines += _encoders(store)
    lines += [f"  DAMAGED {line}" for line in store.check(contents=False)]
    for entry in store.damaged():
        lines.append(f"  put aside, in {entry.path}: {entry.note.get('damage', entry.key)}")
    for entry in store.checkpoints():
        label = entry.note.get("label", "")
        lines.append(f"  checkpoint of an unfinished stage: {entry.key[:12]} {label}{_steps(entry)}".rstrip())
        lines += _again(entry.note.get("command", ""), "goes on with")
    for crash in store.failures():
        lines.append(f"  FAILED {crash.key[:12]} {crash.label}: {crash.reason}")
        lines += _again(crash.command, "again with")
    return "\n".join(lines)


def _encoders(store: "Store") -> Iterator[str]:
    """Keys and labels, which `export`, `show` and `evaluate --encoder` take."""
    trained = store.finished("pretrain")
    if trained:
        yield "  encoders, for export, show and evaluate --encoder, by key or label:"
    for record in (result.record for result in trained):
        yield f"    {record.key[:12]}  {record.label}  ({counted(record.metrics['steps'], 'step')})"


def _steps(entry: "StoredStage") -> str:
    """How far an unfinished training is; nothing where its checkpoint cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(entry.path / CHECKPOINT, framework="numpy") as file:
            (done,) = file.get_slice(LOSSES).get_shape()
        length = entry.note["identity"]["spec"]["recipe"]["length"]
    except (SafetensorError, OSError, KeyError):
        return ""
    return f", step {done:,}" + (f" of {length['steps']:,}" if "steps" in length else "")


def _again(command: str, words: str) -> Iterator[str]:
    if command:
        yield f"    {words}: {command}"


def check_text(root: Path) -> tuple[str, bool]:
    """What of a store is not what was written, after reading all of it; and whether all is."""
    from benchmark.execution.store import existing_store
    from benchmark.images import manifest
    from benchmark.images import square_cache as pixels

    store = existing_store(root)
    problems = [*store.check(contents=True), *pixels.check_squares(root / pixels.FOLDER)]
    problems += manifest.check_manifests(root / manifest.FOLDER)
    verdict = f"{len(problems)} not as they were written" if problems else "all is as it was written"
    return "\n".join([f"store {root}: {verdict}", *(f"  DAMAGED {line}" for line in problems)]), not problems
