"""Names of items: what is accepted comes back from a list of picks, what would not is refused by one line."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.images.names import check_names
from benchmark.images.sources import Source
from benchmark.stages.sample.id_list import list_text, read_ids

Opened = Callable[..., Source]
ODD = "\n\r\0#/. \t\x0b\x0c\x1c\x85\u2028\ufeff\\\"',\ud800é"
NAMES = st.text(st.one_of(st.sampled_from(ODD), st.characters()), max_size=6)


def accepted(name: str) -> bool:
    try:
        check_names("a", [name])
    except UserError:
        return False
    return True


@given(st.lists(NAMES.filter(accepted), min_size=1, max_size=5, unique=True))
@example(["\u2028a", " b ", "c\x85", "\ufeff"])
def test_the_names_accepted_come_back_from_a_list_of_picks(names: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "picks.txt")
        path.write_text(list_text(names, "three picks"), encoding="utf-8")
        assert read_ids(path).ids == tuple(names)


@given(NAMES)
def test_a_name_accepted_stays_below_a_folder_and_only_such_are_refused(name: str) -> None:
    parts = name.split("/")
    harmless = not set("\n\r\0") & set(name) and not name.startswith("#") and name.strip() != ""
    text = name.encode(errors="replace").decode() == name
    assert accepted(name) == (harmless and text and not {"", ".", ".."} & set(parts))
    assume(accepted(name))
    assert PurePosixPath("copies", name).parts[1:] == tuple(parts)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\nb.jpg", "the name 'dir-a/a\\nb.jpg' holds a line break"),
        ("a\rb.jpg", "the name 'dir-a/a\\rb.jpg' holds a line break"),
        ("\udcff.jpg", "the name 'dir-a/\\udcff.jpg' is no UTF-8 text"),
    ],
)
def test_a_file_that_no_list_of_picks_can_hold_is_refused_when_it_is_listed(
    data: Path, opened: Opened, name: str, reason: str
) -> None:
    Path(os.fsdecode(bytes(data / "opensets/pool/train/dir-a")), name).write_bytes(b"")
    with pytest.raises(UserError) as caught:
        opened("opensets", "pool")
    assert f"opensets/pool/train: {reason}" in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).endswith("; rename it")


def test_a_folder_that_looks_like_a_comment_is_refused(data: Path, opened: Opened) -> None:
    (data / "opensets/pool/train/dir-a").rename(data / "opensets/pool/train/#a")
    with pytest.raises(UserError, match=r"the name '#a/1\.jpg' begins with #, as a comment in a list of picks does"):
        opened("opensets", "pool")
    # Only at the beginning of a line.
    (data / "opensets/pool/train/#a").rename(data / "opensets/pool/train/a#")
    assert "a#/1.jpg" in opened("opensets", "pool").manifest.ids
