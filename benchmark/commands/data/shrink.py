"""The verb `data shrink`: a small pack of a data root, to try things with and to hand on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import DataRoot, StorePath
from benchmark.commands._values import data_root_of
from benchmark.commands.data.check import Names, named_sets
from benchmark.errors import UserError
from benchmark.planning.values import PathLike, at_least
from benchmark.planning.values import names as names_of
from benchmark.specs.folding import show as show_text
from benchmark.specs.wording import counted

if TYPE_CHECKING:
    from benchmark.images.pack import Pack

ALL = "all"


def data_shrink(
    out: PathLike,
    names: str | Sequence[str] | None = None,
    size: int = 96,
    per_class: int | str = 40,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    jobs: int | None = None,
) -> "Pack":
    """A data root in the new folder `out`, made of the targets and open-sets called `names` (default: all).

    Every class of every split keeps `per_class` images ("all": every one), the shorter side of each at most `size`
    pixels. Raises UserError for a name that the data root does not have, for images that a run would refuse and for a
    folder that cannot be made. A stopped call goes on.
    """
    from benchmark.execution.display import shown
    from benchmark.execution.store import open_store
    from benchmark.images.data import open_images
    from benchmark.images.pack import PackRequest, check_place, make_pack
    from benchmark.images.sources import DataRoot as Root

    at_least("size", size, 1)
    images = open_images(data_root_of(data_root), standins=False)
    assert isinstance(images, Root)
    targets, opensets = named_sets(images, names_of(names))
    request = PackRequest(tuple(targets), tuple(opensets), size, per_class_of(per_class))
    check_place(images, Path(out))
    open_store(Path(store))
    with shown() as progress:
        return make_pack(images, request, Path(out), Path(store), progress, at_least("jobs", jobs, 1))


def per_class_of(value: int | str) -> int | None:
    """Images per class, None for all of them. UserError for what is neither a number from 1 on nor "all"."""
    text = str(value)
    if text == ALL:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--per-class is {text}: give a number from 1 on, or {ALL}")
    return int(text)


def verb(
    out: Annotated[Path, typer.Option("--out", help="new folder for the pack: a data root of its own")],
    names: Names = None,
    size: Annotated[int, typer.Option("--size", min=1, help="pixels of the shorter side, at most")] = 96,
    per_class: Annotated[str, typer.Option("--per-class", help="images of every class and split, or all")] = "40",
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="processes; default: one per core")] = None,
) -> None:
    """A small copy of a data root, the same bytes every time, that profile mini runs from."""
    made = data_shrink(out, names, size, per_class, data_root, store, jobs)
    for label, images in made.splits:
        show_text(f"{label}: {counted(images, 'image')}")
    show_text(f"written to {made.folder}: pack {made.sha256[:12]}, a data root of its own (--data-root {made.folder})")
