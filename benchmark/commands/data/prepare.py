"""The verb `data prepare`: from the official downloads to a data root."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import DataRoot, StorePath
from benchmark.errors import UnknownName, UserError
from benchmark.specs.folding import say
from benchmark.specs.folding import show as show_text

if TYPE_CHECKING:
    from benchmark.datasets.archives.official import Official
    from benchmark.datasets.archives.prepare import Prepared
    from benchmark.images.manifest import Split
    from benchmark.progress import Progress
    from benchmark.specs.datasets import OpenSet, Role, Target


def registered(name: str) -> "Target | OpenSet":
    """The registered target or open-set called `name`. Raises UnknownName; UserError if two have it."""
    from benchmark.datasets.opensets import OPENSETS
    from benchmark.datasets.targets import TARGETS

    if name in TARGETS and name in OPENSETS:
        raise UserError(f"a target and an open-set have the name {name}: rename the one that is not this suite's")
    if name not in TARGETS and name not in OPENSETS:
        raise UnknownName("data set", name, [*TARGETS.names(), *OPENSETS.names()])
    return TARGETS.get(name) if name in TARGETS else OPENSETS.get(name)


def verb(
    name: Annotated[str, typer.Argument(help="one of `list targets` or `list opensets`")],
    source: Annotated[Path, typer.Option("--from", help="folder of the downloads: archives, or unpacked by hand")],
    data_root: DataRoot = None,
    link: Annotated[bool, typer.Option("--link/--copy", help="hard links where the disk has them, or copies")] = True,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="take counts and checksums that differ from those stated")
    ] = False,
    read: Annotated[bool, typer.Option("--read/--no-read", help="decode every image once, so that no run must")] = True,
    download: Annotated[
        bool, typer.Option("--download", help="download to the folder what it lacks and no browser is needed for")
    ] = False,
    store: StorePath = Path("runs"),
) -> None:
    """Make a data set from its official downloads: the paper's split, with boxes, masks and attributes. `data where`
    says what to download."""
    from benchmark.execution.display import shown

    if data_root is None:
        raise UserError("where to? give --data-root or set BENCHMARK_DATA")
    with shown() as progress:
        for path in download_data(name, source, data_root, not unverified, progress) if download else ():
            show_text(f"{name}: {path} downloaded")
        prepared = prepare_data(name, source, data_root, link=link, verify=not unverified, progress=progress)
    show_text(text(name, prepared))
    if read:
        with shown() as progress:
            lines = read_images(name, prepared, data_root, store, progress)
        show_text("\n".join(f"  {line}" for line in lines))


def prepare_data(name: str, source: Path, data_root: Path, **options: object) -> "Prepared":
    """Prepare the registered data set `name`; see `benchmark.datasets.archives.prepare`. Raises UserError."""
    from benchmark.datasets.archives.prepare import prepare

    entry, download = _with_reader(name)
    return prepare(entry, download, source, data_root, _check_ids, **options)  # type: ignore[arg-type]


def download_data(name: str, source: Path, data_root: Path, verify: bool, progress: "Progress") -> list[Path]:
    """Download what `source` lacks of a data set that is not in the data root yet; the new files. Its terms are printed
    first. See `benchmark.datasets.archives.download`. Raises UserError."""
    from benchmark.datasets.archives.download import download_parts
    from benchmark.datasets.archives.prepare import role_of

    entry, download = _with_reader(name)
    if (data_root / role_of(entry) / name).exists():
        return []
    say(f"{name}: terms: {entry.licence}: {entry.source}")
    return download_parts(name, download, source, verify=verify, progress=progress)


def _with_reader(name: str) -> "tuple[Target | OpenSet, Official]":
    """A registered data set and its download. UserError for one that has none."""
    from benchmark.datasets.archives.official import official

    entry = registered(name)
    parts = getattr(entry, "parts", ())
    if parts:
        raise UserError(f"{name} is made of {', '.join(parts)} as a run reads it: prepare these")
    download = official(entry)
    if download is None:
        raise UserError(f"{name} brings no reader of its download: lay its images out as docs/data.md shows")
    return entry, download


def _check_ids(label: str, ids: Iterable[str]) -> None:
    """UserError for ids that no list of picks can hold, and for files that no listing of a data root takes."""
    from benchmark.images.items import first_few
    from benchmark.images.names import check_names
    from benchmark.specs.datasets import IMAGE_SUFFIXES

    ids = list(ids)
    check_names(label, ids)
    others = [item for item in ids if not item.lower().endswith(IMAGE_SUFFIXES)]
    if others:
        raise UserError(f"{label}: {len(others):,} images are not named as images: {first_few(others)}")


def text(name: str, prepared: "Prepared") -> str:
    """What was made, in lines."""
    counts = ", ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    if not prepared.new:
        return f"{name}: {prepared.folder} is there already: {counts}"
    lines = [f"{name}: {counts} in {prepared.folder} ({prepared.linked:,} hard links, {prepared.copied:,} copies)"]
    if prepared.left_out:
        few = ", ".join(prepared.left_out[:5])
        lines.append(f"  left out, no images by their content: {len(prepared.left_out):,} files, first {few}")
    return "\n".join(lines)


def read_images(name: str, prepared: "Prepared", data_root: Path, store: Path, progress: "Progress") -> list[str]:
    """Read every image of a prepared data set into the store's manifests: a line for each split.

    Raises UserError for an unreadable image of a target, and for more than one in a hundred of an open-set.
    """
    from benchmark.images.data import Data

    data = Data(data_root, False, store)
    role: Role = "targets" if prepared.folder.parent.name == "targets" else "opensets"
    splits: list[tuple[Role, str, Split]] = [(role, name, "test" if s == "test" else "train") for s in prepared.counts]
    data.read(splits, progress)
    counts = [f"{role}/{name}/{split}: {data.images(role, name, split).count:,} images read" for *_, split in splits]
    return [*counts, *data.skipped(splits), *data.count_differences(splits)]
