"""The formats of official lists, read so that an error names the file."""

import math
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError

from benchmark.datasets.archives.official import Box
from benchmark.errors import UserError
from benchmark.specs.datasets import IMAGE_SUFFIXES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


VALUES, LEAST_VALUES = 10, 2**24
"""Values that a MATLAB file may state for each of its bytes, and that any may state."""


def lines(path: Path) -> list[str]:
    """The lines of a list without white space around them; empty ones are left out. UserError if it is no text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    if "\0" in text:
        raise UserError(f"{path.name} is no text file: download it again")
    # Not splitlines(), which also splits at characters that names may have.
    return [line.strip() for line in text.split("\n") if line.strip()]


def rows(path: Path, columns: int) -> Iterator[list[str]]:
    """The lines of a list split at white space, the last column taking the rest. UserError for a line with fewer."""
    for number, line in enumerate(lines(path), 1):
        cells = line.split(maxsplit=columns - 1)
        if len(cells) < columns:
            raise UserError(f"{path.name}, line {number}: {columns} columns expected in {line[:60]!r}")
        yield cells


def mat(path: Path, *variables: str) -> dict[str, Any]:
    """The variables of a MATLAB file, dimensions of one squeezed. UserError if it is none or lacks one, and if it
    states more values than its size allows: memory is taken for them before they are read."""
    from scipy.io import loadmat, whosmat

    most = max(LEAST_VALUES, VALUES * path.stat().st_size)
    try:
        large = any(math.prod(shape) > most for _, shape, _ in whosmat(path))
        value: dict[str, Any] = {} if large else loadmat(path, squeeze_me=True)
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise UserError(f"{path.name} is no MATLAB file that can be read: {text}; download it again") from error
    if large:
        raise UserError(f"{path.name} states more than {most:,} values: download it again")
    lacking = [name for name in variables if name not in value]
    if lacking:
        raise UserError(f"{path.name} lacks the variable {lacking[0]}: download it again")
    return value


def xml(path: Path) -> Element:
    """The root of an XML file. UserError if it is none, or defines entities, which can grow without bound."""
    from xml.etree.ElementTree import fromstring
    from xml.parsers.expat import ExpatError, ParserCreate

    def refuse(*_: object) -> None:
        raise UserError(f"{path.name} defines XML entities, which no annotation needs; it is not read")

    content = path.read_bytes()
    # The parser itself says so: a search of the bytes would not see them in UTF-16.
    first = ParserCreate()
    first.EntityDeclHandler = refuse
    try:
        first.Parse(content, True)
        return fromstring(content)
    except (ExpatError, ParseError, ValueError) as error:
        raise UserError(f"{path.name} is no XML that can be read: {error}") from error


def voc_boxes(path: Path, first: int) -> tuple[Box, ...]:
    """The boxes of an annotation in the form of PASCAL VOC, whose first pixel has the number `first`; none where the
    file is not there, because annotations are parts that a download may lack."""
    if not path.exists():
        return ()
    boxes = []
    for box in xml(path).iter("bndbox"):
        corners = [int(float(box.findtext(side) or "nan")) - first for side in ("xmin", "ymin", "xmax", "ymax")]
        boxes.append(Box(*corners))
    return tuple(boxes)


def folder_name(name: str) -> str:
    """A class name as a folder: spaces and slashes become underscores, as in the released code."""
    return name.strip().replace(" ", "_").replace("/", "_")


def image_files(root: Path) -> Iterator[tuple[str, Path]]:
    """(folder below `root`, file) of every file there that is named as an image; hidden ones are left out."""
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(folder).relative_to(root).as_posix()
        for name in sorted(files):
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith("."):
                yield inside, Path(folder, name)


def png(pixels: "NDArray[np.uint8]") -> bytes:
    """Pixels [height, width, 3] as PNG."""
    from PIL import Image

    encoded = BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()
