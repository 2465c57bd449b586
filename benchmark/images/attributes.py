"""Further labels of a target's images: a file `labels.csv` with columns `file` and one for each attribute."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.errors import UserError
from benchmark.specs.base import digest

ATTRIBUTES = "attributes"
"""The split that stands for these labels as an input of stages."""
PLACES = ("annotations/labels.csv", "labels.csv")
"""Where the file may lie below a target's folder; `data prepare` writes the first."""
_NO_ATTRIBUTES = ("file", "class")


@dataclass(frozen=True)
class Attributes:
    """The attributes called `names`: `values` has theirs for every image, by "<split>/<id>"; "" where there is none.
    `place` says where they were read."""

    place: str
    names: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]

    @cached_property
    def sha256(self) -> str:
        """The identity of names and values. Where the file lies and the order of its lines stay out."""
        return digest({"attributes": self.names, "values": sorted(self.values.items())})

    def of(self, split: str, ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The values of the images `ids` of a split. UserError, with the file and the first image, for those without
        a row."""
        missing = [item for item in ids if f"{split}/{item}" not in self.values]
        if missing:
            count = f"{len(missing)} images have no row" if len(missing) > 1 else "an image has no row"
            raise UserError(f"{self.place}: {count}, the first of them {split}/{missing[0]}")
        return [self.values[f"{split}/{item}"] for item in ids]


def read_attributes(folder: Path) -> Attributes | None:
    """The attributes of the target in `folder`; None where no file has any. UserError, with file and line, for a file
    without a column `file` and an attribute, for a short or long row and for an image with two rows."""
    path = next((folder / place for place in PLACES if (folder / place).is_file()), None)
    if path is None:
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV file in UTF-8: {error}") from None
    names = tuple(name for name in header if name not in _NO_ATTRIBUTES)
    if "file" not in header or not names or len(set(header)) < len(header):
        raise UserError(f"{path}: the first line must name a column 'file' and one for each attribute, each once")
    values: dict[str, tuple[str, ...]] = {}
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(header):
            raise UserError(f"{path}, line {number}: {len(row)} columns, and the first line has {len(header)}")
        cells = dict(zip(header, row, strict=True))
        if cells["file"] in values:
            raise UserError(f"{path}, line {number}: {cells['file']} has a second row")
        values[cells["file"]] = tuple(cells[name] for name in names)
    return Attributes(str(path), names, values)
