"""Labels that say which open-set images are related to a target."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.images.relevance import heldout_mask, relevance, relevance_sha256
from benchmark.images.sources import DataRoot, Source

Opened = Callable[..., Source]
ROWS = "dir,source,rel_leaves,rel_cats\ndir-a,leaves-heldout,1,0\ndir-b,web,0,1\n"


@pytest.fixture
def labelled(data: Path) -> Path:
    """The relevance.csv of an open-set without loose files."""
    (data / "opensets/pool/train/loose.jpg").unlink()
    path = data / "opensets/pool/relevance.csv"
    path.write_text(ROWS)
    return path


def test_images_have_the_label_of_their_folder(labelled: Path, opened: Opened) -> None:
    mask = relevance(opened("opensets", "pool"), "leaves")
    assert mask is not None and mask.dtype == bool and mask.tolist() == [True, True, False]


def test_heldout_sources(labelled: Path, opened: Opened) -> None:
    assert heldout_mask(opened("opensets", "pool")).tolist() == [True, True, False]


def test_a_nested_folder_may_have_a_row_of_its_own(labelled: Path, opened: Opened) -> None:
    labelled.write_text(ROWS + "dir-a/deep,web,0,0\n")
    mask = relevance(opened("opensets", "pool"), "leaves")
    assert mask is not None and mask.tolist() == [True, False, False]


def test_without_labels(opened: Opened) -> None:
    source = opened("opensets", "pool")
    assert relevance(source, "leaves") is None and relevance_sha256(source.items, "leaves") is None
    assert heldout_mask(source).tolist() == [False] * 4


def test_a_target_without_a_column(labelled: Path, opened: Opened) -> None:
    assert relevance(opened("opensets", "pool"), "dogs") is None


def test_a_folder_without_a_row_is_named(labelled: Path, opened: Opened) -> None:
    labelled.write_text(ROWS.replace("dir-b", "dir-c"))
    with pytest.raises(UserError, match=r"opensets/pool/train: .* no row for folder 'dir-b'"):
        relevance(opened("opensets", "pool"), "leaves")


@pytest.mark.parametrize("text", ["", "dir,source\na,b\n", "dir,rel_x\na,1\n", ROWS.replace(",1,0", ",yes,0")])
def test_a_table_of_another_kind(labelled: Path, opened: Opened, text: str) -> None:
    labelled.write_text(text)
    with pytest.raises(UserError, match=r"relevance\.csv"):
        relevance(opened("opensets", "pool"), "leaves")


def test_the_identity_of_labels_is_that_of_one_target(labelled: Path, data: Path) -> None:
    def identities() -> tuple[str | None, str | None]:
        items = DataRoot(data).items("opensets", "pool", "train")
        return relevance_sha256(items, "leaves"), relevance_sha256(items, "cats")

    leaves, cats = identities()
    assert None not in (leaves, cats) and leaves != cats
    labelled.write_text(ROWS.replace("web,0,1", "web,0,0"))
    assert identities()[0] == leaves and identities()[1] != cats
