"""A small copy of a data root: fewer images, fewer pixels, and a manifest of what every file was made from."""

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.images.data import registered
from benchmark.images.items import Items, folder_of
from benchmark.images.manifest import Split
from benchmark.images.processes import each_item
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot, Source
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest
from benchmark.specs.datasets import IMAGE_SUFFIXES, Role
from benchmark.system import replace_synced, write_atomically

FORMAT = 1
MANIFEST, TERMS = "pack.json", "TERMS.txt"
BEGUN, FILES = ".begun", "files"
"""In the folder beside the place of a pack that is not whole yet: the note of what is made there, and the files. The
note goes last, so that what was begun here can be told from a folder of somebody else at any moment."""
QUALITY = 88
"""Of JPEG, for the images that are made smaller."""


@dataclass(frozen=True)
class PackRequest:
    """What is asked for: the shorter side in pixels, and images per class and split (None: all)."""

    targets: tuple[str, ...]
    opensets: tuple[str, ...]
    size: int
    per_class: int | None


@dataclass(frozen=True)
class Pack:
    """A pack that was made. `splits` are (label, images)."""

    folder: Path
    splits: tuple[tuple[str, int], ...]
    sha256: str


def make_pack(
    images: DataRoot,
    request: PackRequest,
    folder: Path,
    store: Path,
    progress: Progress = silent,
    jobs: int | None = None,
) -> Pack:
    """Make the pack in `folder`, which appears whole or not at all. What a call that was killed has made is used by the
    next one; an error leaves nothing. The same images, request and version of Pillow give the same bytes.

    UserError when the folder is there, for images that a run would refuse, and when the disk is full.
    """
    check_place(images, folder)
    sources = [open_source(images, *split, store, progress) for split in _splits(request)]
    aside = folder.with_name(f".{folder.name}.part")
    try:
        _begin(aside, digest([FORMAT, QUALITY, asdict(request), [source.manifest.images_sha256 for source in sources]]))
        made = aside / FILES
        contents = {source.manifest.label: _make_split(source, request, made, progress, jobs) for source in sources}
        for openset in request.opensets:
            _copy_labels(images.path / "opensets" / openset, made / "opensets" / openset)
        _finish(made, request, contents)
        replace_synced(made, folder)
        _remove(aside)
    except OSError as error:
        _remove(aside)
        raise UserError(f"cannot write {folder}: {error.strerror}; name another folder with --out") from error
    except Exception:
        _remove(aside)
        raise
    return _pack(folder)


def check_place(images: DataRoot, folder: Path) -> None:
    """UserError for a place where no pack can be made."""
    if folder.exists():
        raise UserError(f"{folder} is there already; name a new folder with --out")
    if not folder.absolute().parent.is_dir():
        raise UserError(f"cannot make {folder}: there is no folder {folder.absolute().parent}")
    if folder.resolve().is_relative_to(images.path.resolve()):
        raise UserError(f"{folder} lies in the data root that is made smaller; name a folder outside of it with --out")


def pack_problems(root: Path) -> Iterator[str]:
    """A line for every file of a data root that is not what the manifest of its pack says; nothing for other roots."""
    if not (root / MANIFEST).is_file():
        return
    content = _read(root / MANIFEST)
    if content is None:
        yield f"{root / MANIFEST} is damaged: make the pack again with data shrink"
        return
    for label, split in content["splits"].items():
        for item, made in split["items"].items():
            path = root / label / item
            if not path.is_file():
                yield f"{label}/{item} is missing: {MANIFEST} names it"
            elif hashlib.sha256(path.read_bytes()).hexdigest() != made["sha256"]:
                yield f"{label}/{item} has other bytes than {MANIFEST} says"


def _splits(request: PackRequest) -> list[tuple[Role, str, Split]]:
    splits: list[tuple[Role, str, Split]] = []
    for target in request.targets:
        splits += [("targets", target, "train"), ("targets", target, "test")]
    return [*splits, *(("opensets", openset, "train") for openset in request.opensets)]


def chosen(label: str, ids: Sequence[str], per_class: int | None) -> list[str]:
    """The images of a split that go into a pack, sorted: `per_class` of each class, by the SHA-256 of their names, so
    that an image more or less changes little."""
    by_class: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in ids:
        by_class[folder_of(item)].append((hashlib.sha256(f"{label}/{item}".encode()).hexdigest(), item))
    return sorted(item for members in by_class.values() for _, item in sorted(members)[:per_class])


def _begin(aside: Path, name: str) -> None:
    """The folder for the files of a pack; those that another request has left are removed."""
    note = aside / BEGUN
    if aside.exists() and not (note.is_file() and note.read_text() == name):
        _remove(aside)
    # A call that was killed at once has left an empty folder, or half of a note.
    if aside.exists() and not note.is_file() and any(BEGUN not in path.name for path in aside.iterdir()):
        raise UserError(f"{aside} is in the way: remove or rename it")
    aside.mkdir(exist_ok=True)
    write_atomically(note, name)


def _remove(aside: Path) -> None:
    """Remove what was begun. A folder of that name that was not begun here stays."""
    if (aside / BEGUN).is_file():
        # The note goes last: another kill leaves it.
        shutil.rmtree(aside / FILES, ignore_errors=True)
        shutil.rmtree(aside)


def _make_split(
    source: Source, request: PackRequest, folder: Path, progress: Progress, jobs: int | None
) -> dict[str, Any]:
    """The manifest of a split of the pack, whose images are made on the way."""
    label = source.manifest.label
    ids = chosen(label, source.manifest.ids, request.per_class)
    (folder / label).mkdir(parents=True, exist_ok=True)
    made: dict[str, dict[str, str]] = {}
    for item, answer in zip(
        ids, each_item(partial(make_small, folder / label, request.size), source.items, ids, jobs), strict=True
    ):
        name, _, sha256 = answer.decode().rpartition("\n")
        if name in made:
            raise UserError(f"{label}: {item} and {made[name]['from']} would both be called {name}; rename one")
        made[name] = {"from": item, "sha256": sha256}
        progress(f"making {label} smaller", len(made), len(ids))
    return {"source": source.manifest.images_sha256, "images": len(made), "items": made}


def make_small(folder: Path, size: int, items: Items, item: str) -> bytes:
    """Write one image into `folder`, unless it is there. Its name there and the SHA-256 of its bytes, a line each.

    An image whose shorter side is larger than `size` is resized (Lanczos) and becomes a JPEG; others are copied.
    """
    name, data = _made_before(folder, item) or _small(size, items, item)
    path = folder / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(data)
        aside.replace(path)
    return f"{name}\n{hashlib.sha256(data).hexdigest()}".encode()


def _made_before(folder: Path, item: str) -> tuple[str, bytes] | None:
    """Name and bytes of an image that a call that was killed has made. A power cut may have left half of one."""
    from PIL import Image

    for name in (item, f"{item}.jpg", f"{item}.png"):
        path = folder / name
        if path.is_file():
            data = path.read_bytes()
            try:
                with Image.open(BytesIO(data)) as image:
                    image.load()
            except (OSError, SyntaxError):
                path.unlink()
            else:
                return name, data
    return None


def _small(size: int, items: Items, item: str) -> tuple[str, bytes]:
    """Name and bytes of an image in the pack."""
    image = items.open(item)
    if min(image.size) > size:
        name = item if item.lower().endswith((".jpg", ".jpeg")) else f"{item}.jpg"
        return name, _shrunk(image, size)
    if item.lower().endswith(IMAGE_SUFFIXES):
        return item, items.read(item)
    return f"{item}.png", _encoded(image, "PNG")


def _shrunk(image: Any, size: int) -> bytes:
    from PIL import Image

    short = min(image.size)
    width, height = (max(size, round(side * size / short)) for side in image.size)
    return _encoded(image.resize((width, height), Image.Resampling.LANCZOS), "JPEG", quality=QUALITY)


def _encoded(image: Any, form: str, **options: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _copy_labels(source: Path, folder: Path) -> None:
    if (source / "relevance.csv").is_file():
        shutil.copyfile(source / "relevance.csv", folder / "relevance.csv")


def _finish(folder: Path, request: PackRequest, contents: dict[str, Any]) -> None:
    """Write terms and manifest, and remove what is in neither."""
    import PIL

    for stray in folder.rglob(".*"):
        stray.unlink()
    terms = [_terms("targets", name) for name in request.targets]
    terms += [_terms("opensets", name) for name in request.opensets]
    (folder / TERMS).write_text("\n".join([_TERMS, "", *terms, ""]))
    content: dict[str, Any] = {"format": FORMAT, "size": request.size, "per_class": request.per_class}
    content |= {"quality": QUALITY, "pillow": PIL.__version__, "splits": contents}
    write_atomically(folder / MANIFEST, json.dumps({"sha256": digest(content), **content}, indent=1) + "\n")


_TERMS = "Smaller versions of images of these data sets, whose terms hold for them:"


def _terms(role: Role, name: str) -> str:
    known = registered(role, name)
    return f"{name}: " + (f"{known.licence}; {known.source}" if known else "see where you have it from")


def _read(path: Path) -> dict[str, Any] | None:
    """The manifest of a pack; None for one that is damaged or of another format."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        whole = content.pop("sha256") == digest(content) and content["format"] == FORMAT
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return content if whole else None


def _pack(folder: Path) -> Pack:
    content = _read(folder / MANIFEST)
    assert content is not None
    splits = tuple((label, split["images"]) for label, split in content["splits"].items())
    return Pack(folder, splits, digest(content))
