"""What tests of `data prepare` do: look for leftovers, hold a refusal to its rules, change an archive."""

import tarfile
from pathlib import Path

import pytest

from benchmark.errors import UserError
from tests.datasets import miniatures
from tests.datasets.test_official_archives import prepare_small


def leftovers(root: Path) -> list[str]:
    """What lies in a data root, hidden or not."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def assert_refused(name: str, source: Path, root: Path, match: str, places: object = ("train/a/1.jpg",)) -> None:
    with pytest.raises(UserError, match=match) as refusal:
        prepare_small(name, source, root, places)  # type: ignore[arg-type]
    assert "\n" not in str(refusal.value)
    assert not root.exists() or list(root.iterdir()) == []


def edit(archive: Path, **changes: bytes | None) -> None:
    """Write a tar again with some members changed (by the end of their names), or without them."""
    with tarfile.open(archive) as tar:
        files = {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}  # type: ignore[union-attr]
    for end, content in changes.items():
        (name,) = [name for name in files if name.endswith(end)]
        files.pop(name)
        if content is not None:
            files[name] = content
    miniatures.write_tar(archive, files)
