"""The verb `status`: what a store holds."""

from pathlib import Path

from benchmark.commands.show.names import _store
from benchmark.specs.stages import KINDS


def store_text(root: Path) -> str:
    """What a store holds."""
    store = _store(root)
    lines = [f"store {root}"]
    for kind in KINDS:
        folders = [result.folder for result in store.finished(kind)]
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
        lines.append(f"  {kind:<9} {len(folders):>5} finished {size / 1e6:>10,.1f} MB")
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
    # Imported here: the other overviews of names and stages do without numpy.
    from benchmark.images import manifest
    from benchmark.images import square_cache as pixels

    store = _store(root)
    problems = [*store.check(contents=True), *pixels.check_squares(root / pixels.FOLDER)]
    problems += manifest.check_manifests(root / manifest.FOLDER)
    verdict = f"{len(problems)} not as they were written" if problems else "all is as it was written"
    return "\n".join([f"store {root}: {verdict}", *(f"  DAMAGED {line}" for line in problems)]), not problems
