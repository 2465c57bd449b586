"""The verb `data where`: what to download for a data set, and from where."""

from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.errors import UserError
from benchmark.specs.folding import show as show_text

if TYPE_CHECKING:
    from benchmark.datasets.archives.official import Official, Part
    from benchmark.specs.datasets import OpenSet, Target

UNTRIED = (
    "None of these addresses was tried: each was read where it says. Nothing is downloaded here; `data prepare NAME "
    "--download` downloads what needs no browser."
)


def verb(
    name: Annotated[str | None, typer.Argument(help="one of `list targets` or `list opensets`")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all data sets, and the disk that they take")] = False,
) -> None:
    """What to download for a data set: page, files, sizes, checksums, terms, and what is known to be gone."""
    show_text(where(name, everything))


def where(name: str | None, everything: bool = False) -> str:
    """What is known of one data set's download, or of all. Raises UnknownName, and UserError without a name."""
    from benchmark.commands.data.prepare import registered
    from benchmark.datasets.opensets import OPENSETS
    from benchmark.datasets.targets import TARGETS

    if everything == (name is not None):
        raise UserError("`data where` takes the name of one data set or --all")
    if name is not None:
        return "\n".join([*_lines(registered(name)), "", fill(UNTRIED, 120)])
    entries = (*TARGETS, *OPENSETS)
    blocks = [line for entry in entries for line in (*_lines(entry), "")]
    return "\n".join([*blocks, *_total(entries), "", fill(UNTRIED, 120)])


def _lines(entry: "Target | OpenSet") -> Iterator[str]:
    from benchmark.datasets.archives.official import official

    yield f"{entry.name}: {entry.title}"
    yield _filled("page", entry.source)
    yield _filled("terms", entry.licence)
    download = official(entry)
    if download is not None:
        yield from _download_lines(download)
    elif getattr(entry, "parts", ()):
        yield _filled("made of", ", ".join(entry.parts) + "; nothing of its own")  # type: ignore[union-attr]
    else:
        yield _filled("reader", "none: lay the images out as docs/data.md shows")


def _download_lines(download: "Official") -> Iterator[str]:
    for number, parts in enumerate((download.parts, *download.or_else)):
        for part in parts:
            yield _filled("file" if number == 0 else "or" if part is parts[0] else "and", _file_text(part))
            yield _filled("", f"{part.address or 'from the page above'}")
            if part.obstacle:
                yield _filled("", f"by hand: {part.obstacle}")
            yield _filled("", f"read on {download.read_on} in {part.read_in}")
    if download.gone:
        yield _filled("gone", download.gone)
    if download.note:
        yield _filled("note", download.note)


def _file_text(part: "Part") -> str:
    names = " or ".join(part.names)
    rounded = f"{part.gigabytes:.3g} GB" if part.gigabytes else "size not found"
    size = f"{part.size:,} bytes" if part.size else rounded
    stated = {"MD5": part.md5, "SHA-256": part.sha256}
    checksums = ", ".join(f"{name} {text}" for name, text in stated.items() if text) or "no checksum stated"
    return f"{names}{' (optional)' if part.optional else ''}: {size}, {checksums}"


def _filled(what: str, text: str) -> str:
    return fill(text, 120, initial_indent=f"  {what:<8}", subsequent_indent=" " * 10, break_on_hyphens=False)


def _total(entries: "tuple[Target | OpenSet, ...]") -> Iterator[str]:
    """The disk of all downloads whose size is known, and what is not in it."""
    from benchmark.datasets.archives.official import official

    parts = [part for entry in entries if (download := official(entry)) for part in download.parts]
    known = [part for part in parts if part.gigabytes]
    size, rest = sum(part.gigabytes for part in known), len(parts) - len(known)
    yield f"in all: {size:,.0f} GB for {len(known)} files, and {rest} files whose size was not found"
    yield "preparing takes as much again: images are unpacked beside the data root, and linked, not copied, from there"
