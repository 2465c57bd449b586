"""The parts of an official download as one folder tree, whether they are archives or were unpacked by hand."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from benchmark.datasets.archives.guess import looks_like
from benchmark.datasets.archives.official import Official, Part
from benchmark.datasets.archives.unpack import unpack
from benchmark.errors import UserError
from benchmark.progress import Progress, silent

PartFiles = dict[Part, tuple[Path, ...]]
"""The files that are a part, or the folder in which it lies unpacked."""


def find_parts(name: str, download: Official, source: Path) -> PartFiles:
    """Where below `source` the parts are: of the first set of parts that is there whole.

    UserError for what is missing of the first set, with what is there instead.
    """
    if not source.is_dir():
        raise UserError(f"--from {source} is no folder; give the one that holds the downloads of {name}")
    for parts in (download.parts, *download.or_else):
        files = {part: find_part(part, source) for part in parts}
        if all(paths or part.optional for part, paths in files.items()):
            return {part: paths for part, paths in files.items() if paths}
    raise UserError(_missing(name, download.parts, source))


def _missing(name: str, parts: Sequence[Part], source: Path) -> str:
    missing = [part.file for part in parts if not part.optional and not find_part(part, source)]
    there = sorted(path.name for path in source.iterdir() if not path.name.startswith("."))
    few = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
    other = looks_like(source, name)
    hint = f"; it looks like {other}" if other else ""
    return (
        f"{name}: {source} lacks {', '.join(missing)} (found: {few or 'nothing'}{hint}); `data where {name}` says what "
        "to download"
    )


def find_part(part: Part, source: Path) -> tuple[Path, ...]:
    """The files below `source` that are the part, or the folder in which it lies unpacked; nothing where it is not."""
    files = {path for name in part.names for path in source.glob(name) if path.is_file()}
    if files:
        return tuple(sorted(files))
    for folder in (source / part.into, source):
        if part.holds and (folder / part.holds[0]).exists():
            return (folder,)
    return ()


def check_content(part: Part, path: Path, progress: Progress = silent) -> None:
    """UserError unless the file has the size and the checksums that are stated. Nothing is checked of a folder."""
    if not path.is_file():
        return
    size, done = path.stat().st_size, 0
    if part.size and size != part.size:
        raise _differs(part, path, f"{size:,} bytes", f"{part.size:,}")
    stated = {"MD5": part.md5, "SHA-256": part.sha256}
    hashes = {name: hashlib.new(name.replace("-", ""), usedforsecurity=False) for name, text in stated.items() if text}
    with path.open("rb") as file:
        while hashes and (block := file.read(2**22)):
            for one in hashes.values():
                one.update(block)
            done += len(block)
            progress(f"checksum of {part.file} (MB)", done // 10**6, size // 10**6)
    for name, one in hashes.items():
        if one.hexdigest() != stated[name]:
            raise _differs(part, path, f"the {name} {one.hexdigest()}", stated[name])


def _differs(part: Part, path: Path, content: str, stated: str) -> UserError:
    return UserError(
        f"{path} has {content}, and {stated} is stated for it ({part.read_in}): download it again; --unverified takes "
        "it as it is"
    )


def gather(name: str, files: PartFiles, work: Path, progress: Progress = silent) -> Path:
    """One folder below `work` in which every part lies where the reader looks for it; archives are unpacked.

    What an earlier, killed call has unpacked is used. UserError for an archive that is refused or is of another data
    set, and for a part that lacks a file.
    """
    tree = work / "tree"
    for part, paths in files.items():
        (tree / part.into).mkdir(parents=True, exist_ok=True)
        for path in paths:
            _add(part, path, work, tree / part.into, progress)
        lacking = [held for held in part.holds if not (tree / part.into / held).exists()]
        if lacking:
            raise UserError(_lacking(name, part, paths, lacking, work / "archives"))
    return tree


def _add(part: Part, path: Path, work: Path, place: Path, progress: Progress) -> None:
    if path.is_dir():
        tops = {held.partition("/")[0] for held in part.holds}
        for entry in sorted(path.iterdir()):
            if entry.name in tops or (part.loose and not entry.name.startswith(".")):
                _overlay(entry, place / entry.name)
    elif part.is_archive:
        folder = work / "archives" / path.name
        if not folder.is_dir():
            unpack(path, folder, nested=part.nested, progress=progress)
        for entry in sorted(folder.iterdir()):
            _overlay(entry, place / entry.name)
    else:
        _overlay(path, place / part.file)


def _overlay(source: Path, place: Path) -> None:
    """Show `source` at `place`, by links; a folder that is there already gets its entries too."""
    if not place.is_symlink() and not place.exists():
        place.symlink_to(source.resolve())
    elif place.resolve() == source.resolve():
        return
    elif place.is_dir() and source.is_dir():
        if place.is_symlink():
            earlier = place.resolve()
            place.unlink()
            place.mkdir()
            for entry in earlier.iterdir():
                _overlay(entry, place / entry.name)
        for entry in source.iterdir():
            _overlay(entry, place / entry.name)
    else:
        raise UserError(f"two parts of the download hold {place.name}: {place.resolve()} and {source}; remove one")


def _lacking(name: str, part: Part, paths: tuple[Path, ...], lacking: list[str], archives: Path) -> str:
    where = ", ".join(path.name for path in paths)
    if lacking[0] != part.holds[0]:
        return f"{name}: {where} lacks {', '.join(lacking)}; download it again, see `data where {name}`"
    others = [looks_like(archives / path.name if path.is_file() else path, name) for path in paths]
    hint = f"; it looks like {others[0]}" if others[0] else ""
    return (
        f"{name}: {where} is not the archive of {name}: there is no {lacking[0]} in it{hint}; see `data where {name}`"
    )
