"""The items of one split as rows of a table that the `datasets` library reads: local Parquet files or a Hub name."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError
from benchmark.images.items import (
    FolderLabels,
    Items,
    MissingImages,
    folder_of,
    read_relevance,
    shared_classes,
)
from benchmark.images.names import check_names
from benchmark.specs.base import Spec, digest

if TYPE_CHECKING:
    from datasets import Dataset


POINTER = "hub.toml"


class HubPointer(Spec):
    """`hub.toml`: a data set on the Hugging Face Hub, at one revision. `image` and `label` name its columns, `train`
    and `test` its splits."""

    dataset: str
    revision: str
    config: str | None = None
    image: str = "image"
    label: str = "label"
    train: str = "train"
    test: str = "test"


@dataclass(frozen=True)
class Rows(Items):
    """Rows with an image column and, for targets, a label column.

    An id is `<class>/<row>`, with the row's number in eight digits; open-sets without labels have `<row>` alone.
    """

    folder: Path
    files: tuple[Path, ...] = ()
    pointer: HubPointer | None = None
    train: Items | None = None

    @cached_property
    def signature(self) -> str:
        stamps = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self.files]
        return digest({"kind": "rows", "place": self.place, "files": stamps, "hub": self.pointer})

    @property
    def place(self) -> str:
        """The folder and the split, since the files of both may lie in one folder; of the Hub, its name for both."""
        if self.pointer is not None:
            return f"{self.pointer.dataset} {getattr(self.pointer, self.split)}"
        return f"{os.path.realpath(self.folder)} {self.split}"

    @property
    def _columns(self) -> tuple[str, str]:
        return (self.pointer.image, self.pointer.label) if self.pointer else ("image", "label")

    @cached_property
    def _table(self) -> "Dataset":
        from datasets import Image

        image, label = self._columns
        table = _load(self)
        lacking = [name for name in (image, label) if name not in table.column_names]
        if image in lacking or (lacking and self.role == "targets" and not self.by_path):
            raise UserError(f"{self.label}: no column {' or '.join(lacking)} among {', '.join(table.column_names)}")
        if not len(table):
            raise MissingImages(f"{self.label} holds no images: its table has no rows")
        return table.cast_column(image, Image(decode=False))

    @cached_property
    def _rows(self) -> Mapping[str, int]:
        """Row numbers by id, in the order of ids."""
        label = self._columns[1]
        if label not in self._table.column_names:
            return {f"{row:08d}": row for row in range(len(self._table))}
        names = getattr(self._table.features[label], "names", None)
        values = self._table.select_columns([label])[:][label]
        rows = dict(sorted((f"{_class_name(value, names)}/{row:08d}", row) for row, value in enumerate(values)))
        check_names(self.label, rows)
        return rows

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._rows)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return shared_classes({folder_of(item) for item in self.ids}, self.train, self.label)

    def read(self, item: str) -> bytes:
        cell = self._table[self._rows[item]][self._columns[0]]
        data: bytes = cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]).read_bytes()
        return data

    @cached_property
    def folder_labels(self) -> FolderLabels | None:
        return read_relevance(self.folder) if self.role == "opensets" else None


def _class_name(value: object, names: list[str] | None) -> str:
    """A label as a folder name: its ClassLabel name, else the number in five digits or the text itself."""
    if isinstance(value, int):
        return (names[value] if names else f"{value:05d}").replace("/", "_")
    return str(value).replace("/", "_")


def _load(items: Rows) -> "Dataset":
    """The table, from files or from the Hub; UserError with the library's reason when it cannot be had."""
    import datasets

    arguments: dict[str, Any]
    if items.pointer is None:
        arguments = {"path": "parquet", "data_files": [str(path) for path in items.files], "split": "train"}
        help_ = "check the Parquet files"
    else:
        split = getattr(items.pointer, items.split)
        arguments = {"path": items.pointer.dataset, "name": items.pointer.config, "split": split}
        arguments["revision"] = items.pointer.revision
        given = items.folder.is_dir()
        names = f"and the names in its {POINTER}" if given else f"and there is no folder {items.folder} either"
        help_ = f"it needs the network, or the Hub's files in the local cache, {names}"
    try:
        return datasets.load_dataset(**arguments)
    except Exception as error:
        # The library and the ones below it raise dozens of unrelated types for absent, damaged or unreachable data.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"{items.label} cannot be read from {arguments['path']}: {reason}; {help_}") from error


def find_rows(items: Items, folder: Path, train: Items | None) -> Rows | None:
    """The rows behind `folder` (a data set's), None when it holds neither Parquet files nor a pointer.

    Parquet files are looked for as `<split>/*.parquet`, `<split>-*.parquet` and `data/<split>-*.parquet`, the last two
    being how a downloaded Hub data set names them.
    """
    identity = (items.role, items.name, items.split, folder)
    for pattern in (f"{items.split}/*.parquet", f"{items.split}-*.parquet", f"data/{items.split}-*.parquet"):
        files = tuple(sorted(folder.glob(pattern)))
        if files:
            return Rows(*identity, files=files, train=train, by_path=items.by_path)
    path = folder / POINTER
    if not path.is_file():
        return None
    return Rows(*identity, pointer=_read_pointer(path), train=train, by_path=items.by_path)


def _read_pointer(path: Path) -> HubPointer:
    try:
        return HubPointer.model_validate(tomllib.loads(path.read_text()))
    except ValueError as error:
        known = ", ".join(HubPointer.model_fields)
        raise UserError(
            f"{path} is no pointer to a Hub data set (fields: {known}; dataset and revision are needed)"
        ) from error
