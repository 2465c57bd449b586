"""The images of an official download as a data set's folder: checked first, then linked or copied."""

import csv
import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmark.datasets.archives.official import OfficialImage
from benchmark.errors import UserError
from benchmark.progress import Progress, silent
from benchmark.specs.datasets import OpenSet, Target
from benchmark.system import same_on_some_disk

IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6")
LEFT_OUT = 0.01
"""The share of an open-set that may be no images; they are left out and counted."""


def check_images(
    entry: Target | OpenSet, images: Sequence[OfficialImage], tree: Path, progress: Progress = silent
) -> tuple[list[OfficialImage], list[str]]:
    """The images that can be placed, and of an open-set the names of files that are no images.

    UserError, with a count and the first five, for images of lists that do not exist or lie outside of `tree`, for two
    images of one place, for places that differ only in case, and for files that are no images (a target; an open-set
    may have one in a hundred).
    """
    if not images:
        raise UserError(f"{entry.name}: the download holds no images where they are looked for")
    _check_places(entry.name, images)
    outside = [image for image in images if isinstance(image.content, Path) and not _is_below(image.content, tree)]
    _refuse(entry.name, "lead out of the download", outside)
    absent, foreign = [], []
    for done, image in enumerate(images):
        progress(f"looking at {entry.name}", done, len(images))
        if isinstance(image.content, Path):
            head = _head(image.content)
            if head is None:
                absent.append(image)
            elif not _is_image(head):
                foreign.append(image)
    _refuse(entry.name, "are in its lists and not in the download", absent)
    if isinstance(entry, Target) or len(foreign) > LEFT_OUT * len(images):
        _refuse(entry.name, "are no images by their content", foreign)
    left_out = {image.place for image in foreign}
    return [image for image in images if image.place not in left_out], sorted(left_out)


def _check_places(name: str, images: Sequence[OfficialImage]) -> None:
    """UserError for places that some disk cannot tell apart. Only hashes are kept: there are open-sets of 8 million."""
    if len({hash(_folded(image)) for image in images}) == len(images):
        return
    exact = Counter(image.place for image in images)
    _refuse(name, "have the place of another one", [image for image in images if exact[image.place] > 1])
    folded = Counter(_folded(image) for image in images)
    alike = [image for image in images if folded[_folded(image)] > 1]
    _refuse(name, "differ from another one only in case or in how accents are encoded", alike)


def _folded(image: OfficialImage) -> str:
    return same_on_some_disk(image.place)


def _refuse(name: str, what: str, images: Sequence[OfficialImage]) -> None:
    if images:
        few = ", ".join(sorted(_named(image) for image in images)[:5])
        raise UserError(f"{name}: {len(images):,} images {what}: {few}")


def _named(image: OfficialImage) -> str:
    name = image.content.name if isinstance(image.content, Path) else image.place
    return name if name.isprintable() and len(name) <= 100 else repr(name[:100])


def _is_below(path: Path, tree: Path) -> bool:
    """Whether a path names a place in the tree. Links are not followed: a part may lie elsewhere."""
    return Path(os.path.normpath(path)).is_relative_to(tree) and ".." not in path.parts


def _head(path: Path) -> bytes | None:
    """The first bytes of a file; None where there is none of that name, or no file can have it."""
    try:
        with path.open("rb") as file:
            return file.read(16)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            return None
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _is_image(head: bytes) -> bool:
    return head.startswith(IMAGE_MAGIC) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def place_images(
    images: Sequence[OfficialImage], folder: Path, link: bool, progress: Progress = silent
) -> tuple[int, int]:
    """Put every image, and its mask, below `folder`: (hard links, copies). What lies there already is kept.

    Where the disk allows no hard link, or `link` is false, the bytes are copied.
    """
    linked = copied = 0
    for done, image in enumerate(images):
        progress("placing images", done, len(images))
        for content, place in _contents(image):
            as_link = _put(content, folder / place, link)
            linked, copied = linked + as_link, copied + (not as_link)
    return linked, copied


def _contents(image: OfficialImage) -> Iterable[tuple[Path | Callable[[], bytes], str]]:
    yield image.content, image.place
    if image.mask is not None:
        yield image.mask, mask_place(image)


def mask_place(image: OfficialImage) -> str:
    """Where an image's mask lies below the data set's folder."""
    return f"annotations/masks/{Path(image.place).with_suffix('.png').as_posix()}"


def _put(content: Path | Callable[[], bytes], path: Path, link: bool) -> bool:
    """Whether the file at `path` is a hard link to `content`."""
    if path.exists():
        return isinstance(content, Path) and path.samefile(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    if link and isinstance(content, Path):
        try:
            os.link(content.resolve(), path)
            return True
        except OSError:
            # Another disk, or one without hard links.
            pass
    # A name that no listing shows, so that a file is there whole or not at all.
    aside = path.with_name(f".{path.name}.part")
    if isinstance(content, Path):
        shutil.copyfile(content, aside)
    else:
        aside.write_bytes(_encoded(content, path.name))
    aside.replace(path)
    return False


def _encoded(content: Callable[[], bytes], name: str) -> bytes:
    """What makes an image or a mask of official files. UserError for files of which none can be made."""
    try:
        return content()
    except Exception as error:
        # Decoders raise nearly any type for damaged files.
        text = " ".join(str(error).split())[:200]
        raise UserError(f"{name} cannot be made of the official files: {type(error).__name__}: {text}") from error


def write_annotations(images: Iterable[OfficialImage], folder: Path, boxes: str) -> None:
    """`annotations/<boxes>` (file,class,x0,y0,x1,y1; a row for each box) and `annotations/labels.csv` (file,class and a
    column for each attribute), each where some image has any."""
    ordered = sorted(images, key=lambda image: image.place)
    rows = [[image.place, image.folder, *box] for image in ordered for box in image.boxes]
    _write_csv(folder / "annotations" / boxes, ["file", "class", "x0", "y0", "x1", "y1"], rows)
    columns = list(dict.fromkeys(column for image in ordered for column in image.labels or ()))
    labels = [[i.place, i.folder, *(i.labels.get(column, "") for column in columns)] for i in ordered if i.labels]
    _write_csv(folder / "annotations" / "labels.csv", ["file", "class", *columns], labels)


def _write_csv(path: Path, header: list[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
