"""The verb `status`: what a store holds."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import StorePath
from benchmark.specs.folding import show as show_text


def verb(
    store: StorePath = Path("runs"),
    check: Annotated[
        bool, typer.Option("--check", help="read every byte; exit code 1 if anything is not as it was written")
    ] = False,
) -> None:
    """What a store holds: finished stages by kind, failures with their last line, damage, disk used."""
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
    lines += [f"  DAMAGED {line}" for line in store.check(contents=False)]
    for entry in store.damaged():
        lines.append(f"  put aside, in {entry.path}: {entry.note.get('damage', entry.key)}")
    for entry in store.checkpoints():
        label = entry.note.get("label", "")
        lines.append(f"  checkpoint of an unfinished stage: {entry.key[:12]} {label}".rstrip())
    lines += [f"  FAILED {crash.key[:12]} {crash.label}: {crash.reason}" for crash in store.failures()]
    return "\n".join(lines)


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
