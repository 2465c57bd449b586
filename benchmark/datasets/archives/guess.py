"""Which data set a folder looks like, for errors that name it."""

from pathlib import Path

from benchmark.datasets.archives.official import official
from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS


def looks_like(folder: Path, other_than: str = "") -> str:
    """The first registered data set of which `folder` holds a part, as archive or unpacked; nothing where none fits."""
    for entry in (*TARGETS, *OPENSETS):
        download = official(entry) if entry.name != other_than else None
        for part in download.parts if download else ():
            if any((folder / name).exists() for name in (part.file, *part.holds[:1])):
                return str(entry.name)
    return ""
