"""What `sample` leaves: lists and a card, and the images themselves as links, copies or a `datasets` directory.

Everything is written aside and renamed when it is whole.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.commands.sample.curve import Curve, save_curve
from benchmark.commands.sample.request import Exports
from benchmark.errors import UserError
from benchmark.images.items import Folder, Items
from benchmark.images.sources import Source
from benchmark.stages.sample.id_list import list_text
from benchmark.system import place_aside, write_atomically


@dataclass(frozen=True)
class Coreset:
    """The picks of one run: `positions` int64 [m] in `source`, `scores` float32 [m], both in pick order. `curve` is
    what SimCore tells of its rounds, None of other samplers."""

    source: Source
    positions: NDArray[np.int64]
    scores: NDArray[np.float32]
    card: str
    curve: Curve | None = None

    @property
    def ids(self) -> list[str]:
        return [self.source.manifest.ids[position] for position in self.positions]


def check_places(out: Path | None, exports: Exports) -> None:
    """UserError, before any work, for places that cannot be written or that hold something already."""
    for path in filter(None, (out, exports.sheet, *exports.folders)):
        if not path.absolute().parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if out is not None:
        _check_list(out)
    for path in exports.folders:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"{path} exists already and is not empty: name a new folder")


def _check_list(out: Path) -> None:
    if out.suffix in (".csv", ".md"):
        raise UserError(f"cannot write {out}: scores (.csv) and card (.md) come beside it; name it {out.stem}.txt")
    if out.is_dir():
        raise UserError(f"cannot write {out}: it is a folder; name a file such as {out}/coreset.txt")


def check_link(items: Items, exports: Exports) -> None:
    """UserError for links to images that are no files."""
    if exports.link is not None and not isinstance(items, Folder):
        raise UserError("--link needs a pool of files in folders: use --copy or --dataset")


def write(coreset: Coreset, target: Source, out: Path | None, exports: Exports) -> tuple[Path, ...]:
    """Write `out` (ids), beside it `.csv` (rank, id, score), `.md` (card) and `.curve.png` where there is a curve, and
    what `exports` names; all paths. `target` is shown on the contact sheet."""
    written = [] if out is None else _write_list(coreset, out)
    makers: tuple[tuple[Path | None, Callable[[Coreset, Path], None]], ...] = (
        (exports.link, _link),
        (exports.copy, _copy),
        (exports.dataset, _dataset),
    )
    for path, make in makers:
        if path is not None:
            with place_aside(path) as folder:
                make(coreset, folder)
    if exports.sheet is not None:
        # Imported here: it draws.
        from benchmark.commands.sample.contact_sheet import contact_sheet

        with place_aside(exports.sheet) as file:
            contact_sheet(target, coreset.source, coreset.positions, coreset.scores).save(file, format="PNG")
    return (*written, *exports.folders, *([exports.sheet] if exports.sheet else []))


def _write_list(coreset: Coreset, out: Path) -> list[Path]:
    scores, card = out.with_suffix(".csv"), out.with_suffix(".md")
    write_atomically(scores, _csv(coreset))
    write_atomically(card, coreset.card)
    comment = f"{len(coreset.positions)} picks in pick order; scores and card are beside this file"
    write_atomically(out, list_text(coreset.ids, comment, coreset.source.items.name))
    if coreset.curve is None:
        return [out, scores, card]
    picture = out.with_suffix(".curve.png")
    with place_aside(picture) as file:
        save_curve(coreset.curve, file)
    return [out, scores, card, picture]


def _csv(coreset: Coreset) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["rank", "id", "score"])
    # As text of float32: the shortest digits that read back to the same score.
    rows.writerows(zip(range(1, len(coreset.ids) + 1), coreset.ids, map(str, coreset.scores), strict=True))
    return text.getvalue()


def _link(coreset: Coreset, folder: Path) -> None:
    items = coreset.source.items
    assert isinstance(items, Folder)
    for item in coreset.ids:
        (folder / item).parent.mkdir(parents=True, exist_ok=True)
        (folder / item).symlink_to((items.path / item).resolve())


def _copy(coreset: Coreset, folder: Path) -> None:
    for position, item in zip(coreset.positions.tolist(), coreset.ids, strict=True):
        data = coreset.source.read(position)
        place = folder / (item if Path(item).suffix else f"{item}{_suffix(data)}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _suffix(data: bytes) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return f".{(image.format or 'img').lower()}"


def _dataset(coreset: Coreset, folder: Path) -> None:
    import datasets

    def rows() -> Iterator[dict[str, object]]:
        for position, item, score in zip(coreset.positions.tolist(), coreset.ids, coreset.scores.tolist(), strict=True):
            yield {"image": {"bytes": coreset.source.read(position), "path": None}, "id": item, "score": score}

    columns = {"image": datasets.Image(), "id": datasets.Value("string"), "score": datasets.Value("float32")}
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_list(list(rows()), features=datasets.Features(columns))
    table.save_to_disk(str(folder))
