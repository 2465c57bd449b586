"""`data where`: what to download, from where, and what is known to be gone."""

import pytest

from benchmark.__main__ import main
from benchmark.commands.data.where import UNTRIED, where
from benchmark.datasets.archives.official import official
from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UnknownName, UserError

ENTRIES = [entry for entry in (*TARGETS, *OPENSETS) if not getattr(entry, "parts", ())]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_data_set_says_what_to_download_and_where_that_was_read(entry) -> None:
    download = official(entry)
    assert download is not None and download.parts
    text = where(entry.name)
    assert entry.source in text
    for part in download.parts:
        assert part.file in text and part.read_in
        assert part.address.partition("?")[0] in text.replace("\n          ", "")
        assert not part.md5 or (part.md5 in text and len(part.md5) == 32)
        assert not part.sha256 or (part.sha256 in text and len(part.sha256) == 64)
        assert not part.size or f"{part.size:,} bytes" in text
        assert not part.obstacle or f"by hand: {part.obstacle}" in text
    assert f"read on {download.read_on}" in text and UNTRIED in " ".join(text.split())
    assert all(len(line) <= 120 or "://" in line for line in text.splitlines())


def test_what_is_gone_is_said_with_what_the_field_uses() -> None:
    text = " ".join(where("cars").split())
    assert "gone the official page and all its files" in text and "issue 7545" in text
    assert "cars_test_annos_withlabels.mat" in text


def test_all_sums_the_known_sizes() -> None:
    text = where(None, everything=True)
    assert all(f"\n{entry.name}: " in f"\n{text}" for entry in ENTRIES)
    parts = [part for entry in ENTRIES for part in official(entry).parts]
    known = [part.gigabytes for part in parts if part.gigabytes]
    assert f"in all: {sum(known):,.0f} GB for {len(known)} files, and {len(parts) - len(known)} files" in text
    assert "all: ALL" in text and "made of coco, inaturalist, imagenet, places" in " ".join(text.split())


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownName, match="did you mean flowers"):
        where("flower")
    with pytest.raises(UserError, match="name of one data set or --all"):
        where(None)
    with pytest.raises(SystemExit) as end:
        main(["data", "where", "flower"])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_verbs_of_the_group_are_found_by_listing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "prepare" in shown and "where" in shown
