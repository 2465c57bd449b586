"""The verb `status`: what a store holds."""

from pathlib import Path

from benchmark.commands._options import StorePath
from benchmark.errors import UserError


def verb(store: StorePath = Path("runs")) -> None:
    """What a store holds: finished stages by kind, failures with their last line, disk used."""
    print(store_text(store))


def store_text(root: Path) -> str:
    """What a store holds."""
    from benchmark.execution.store import Store

    if not root.is_dir():
        raise UserError(f"there is no store {root}; --store names another")
    store = Store(root)
    lines = [f"store {root}"]
    for kind in store.kinds():
        folders = store.finished(kind)
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
        lines.append(f"  {kind:<9} {len(folders):>5} finished {size / 1e6:>10,.1f} MB")
    unfinished = [path.name for path in (root / "scratch").glob("*")]
    lines += [f"  checkpoint of an unfinished stage: {key[:12]}" for key in unfinished]
    lines += [f"  FAILED {f['label']}: {f['traceback'].strip().splitlines()[-1]}" for f in store.failures()]
    return "\n".join(lines)
