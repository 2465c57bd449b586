"""The verb `data check`: what is wrong with the images of a data root, before a run finds out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import DataRoot, StorePath
from benchmark.commands._values import data_root_of, machine_of
from benchmark.errors import UnknownName, UserError
from benchmark.planning.values import PathLike, at_least
from benchmark.planning.values import names as names_of
from benchmark.specs.folding import show as show_text
from benchmark.specs.wording import counted

if TYPE_CHECKING:
    from benchmark.images.duplicates import Pair
    from benchmark.images.inspection import Comparison, DataFindings, SplitFindings
    from benchmark.images.likeness import LikeImages
    from benchmark.images.sources import DataRoot as Root

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="targets and open-sets; default: all of the data root")
]
SHOWN = 5
"""Images or pairs of a kind that are listed on the screen."""
LEAST_COSINE = 0.95
"""Of features: from which on two images are shown as alike, unless another one is given."""
FILES = ("check.json", "check.html")


def data_check(
    names: str | Sequence[str] | None = None,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    out: PathLike | None = None,
    jobs: int | None = None,
    encoder: str | None = None,
    cosine: float = LEAST_COSINE,
    device: str = "auto",
) -> "DataFindings":
    """What is found in the targets and open-sets called `names` (default: all of the data root), and in the open-sets
    of the test splits of the targets.

    `out` is a folder for the report as JSON and as a page of thumbnails. Every image is decoded by one of `jobs`
    processes (default: one per core) and remembered in `store`: a stopped call goes on. `encoder` names what images
    are compared by too, in the forms of `evaluate`; those whose features have a cosine of at least `cosine` are shown.
    Raises UserError for a name that the data root does not have, for an encoder that cannot be used and for a folder
    that cannot be written.
    """
    from benchmark.commands.data._check_page import save_report
    from benchmark.execution.display import shown
    from benchmark.execution.store import open_store
    from benchmark.images.data import Data, open_images
    from benchmark.images.inspection import Inspection
    from benchmark.images.sources import DataRoot as Root

    folder = None if out is None else _writable(Path(out))
    images = open_images(data_root_of(data_root), standins=False)
    assert isinstance(images, Root)
    targets, opensets = named_sets(images, names_of(names))
    if encoder is not None:
        # Imported here: encoders bring torch.
        from benchmark.commands.data._likeness import find_likeness, with_likeness

        likeness = find_likeness(encoder, cosine, Path(store), machine_of(device, jobs, "local"))
    open_store(Path(store))
    with shown() as progress:
        findings = Inspection(images, Path(store), progress, at_least("jobs", jobs, 1)).inspect(targets, opensets)
    if encoder is not None:
        findings = with_likeness(findings, targets, opensets, likeness, Data(images.path, False, Path(store)))
    if folder is not None:
        save_report(findings, images, folder, FILES)
    return findings


def named_sets(images: "Root", names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The targets and the open-sets of those names, all without names; a concatenation as its parts. UnknownName for
    one that is neither, UserError for a data root that has none."""
    from benchmark.datasets.opensets import OPENSETS

    there = {"targets": images.names("targets"), "opensets": images.names("opensets")}
    if not any(there.values()):
        images.items("targets", "", "train")
    parts = [part for name in names for part in (OPENSETS.get(name).parts if name in OPENSETS else ()) or (name,)]
    known = sorted({*there["targets"], *there["opensets"]})
    for name in parts:
        if name not in known:
            raise UnknownName("data set", name, known)
    targets, opensets = ([name for name in there[role] if not parts or name in parts] for role in there)
    return targets, opensets


def _writable(folder: Path) -> Path:
    if folder.is_file() or not folder.absolute().parent.is_dir():
        raise UserError(f"cannot write {folder}: name a folder that can be made, or one that is there")
    return folder


def verb(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="default: all of the data root")
    ] = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    out: Annotated[Path | None, typer.Option("--out", help=f"folder for {' and '.join(FILES)}")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="processes; default: one per core")] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="compare by its features too: timm:NAME[=FILE], a checkpoint file, an export, "
            "a key or label of the store",
        ),
    ] = None,
    cosine: Annotated[
        float, typer.Option("--cosine", help="of features, from which on images are shown")
    ] = LEAST_COSINE,
    device: Annotated[str, typer.Option("--device", help="of the encoder: auto, cpu, cuda or cuda:N")] = "auto",
) -> None:
    """Unreadable, tiny and grey images, duplicates within and across splits, and test images in open-sets."""
    show_text(findings_text(data_check(names, data_root, store, out, jobs, encoder, cosine, device)))
    if out is not None:
        show_text(f"written to {out}: {', '.join(FILES)}")


def findings_text(findings: "DataFindings") -> str:
    """The report as lines: first the splits, then what two of them share."""
    lines = [f"FAULT {fault}" for fault in findings.faults]
    for split in findings.splits:
        lines += [f"{split.label}: {counted(split.readable, 'image')} in {_classes(split)}", *_split_lines(split)]
    lines += [line for comparison in findings.comparisons for line in _comparison_lines(comparison)]
    lines += [line for one in findings.likenesses for line in _likeness_lines(one, findings)]
    if not any(comparison.leak for comparison in findings.comparisons):
        lines.append("no test split was compared with an open-set: name a target and an open-set")
    return "\n".join(lines)


def _classes(split: "SplitFindings") -> str:
    one, several = ("class", "classes") if split.label.startswith("targets/") else ("folder", "folders")
    text = f"{split.classes:,} {one if split.classes == 1 else several}"
    (small, least), (large, most) = split.smallest, split.largest
    return f"{text} ({least:,} in {small or 'none'} to {most:,} in {large or 'none'})"


def _split_lines(split: "SplitFindings") -> Iterator[str]:
    yield from (f"  {note}" for note in split.notes)
    unreadable = [f"{item} ({reason})" for item, reason in split.unreadable]
    yield from _listed(counted(len(unreadable), "unreadable file"), unreadable)
    tiny = [f"{item} ({width} x {height})" for item, width, height in split.tiny]
    yield from _listed(counted(len(tiny), "tiny image"), tiny)
    yield from _listed(counted(len(split.grey), "grey image"), split.grey)
    yield from _pair_lines(split.pairs, "within the split")
    if split.plain:
        yield f"  {counted(split.plain, 'image')} too plain to look for near-duplicates of"


def _comparison_lines(comparison: "Comparison") -> Iterator[str]:
    what = "LEAK of" if comparison.leak and comparison.pairs else "images of"
    firsts, seconds = ({getattr(pair, side) for pair in comparison.pairs} for side in ("first", "second"))
    yield f"{what} {comparison.first} in {comparison.second}: {len(firsts):,} (there {counted(len(seconds), 'image')})"
    yield from _pair_lines(comparison.pairs, "across the splits")


def _likeness_lines(like: "LikeImages", findings: "DataFindings") -> Iterator[str]:
    where = f"within {like.first}" if like.first == like.second else f"of {like.first} in {like.second}"
    by = f"{findings.encoder}, cosine at least {findings.least_cosine:g}"
    yield f"images {where} alike by {by}: {len(like.pairs):,}"
    alike = [f"{pair.first} = {pair.second} ({pair.cosine:.3f})" for pair in like.pairs]
    yield from _listed("look at these, most alike first", alike)


def _pair_lines(pairs: "Sequence[Pair]", where: str) -> Iterator[str]:
    for likeness in ("same pixels", "near", "same name"):
        alike = [
            f"{pair.first} = {pair.second}" + (f" ({pair.bits} bits)" if likeness != "same pixels" else "")
            for pair in pairs
            if pair.likeness == likeness
        ]
        yield from _listed(f"{counted(len(alike), 'pair')} {where}, {likeness}", alike)


def _listed(title: str, names: Sequence[str]) -> Iterator[str]:
    """Nothing for no names; otherwise their number and the first of them."""
    if names:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        yield f"  {title}: {', '.join(names[:SHOWN])}{more}"
