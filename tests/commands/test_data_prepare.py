"""From the downloads to a plan whose every stage is resolved: what docs/data.md tells a new user to do."""

import tarfile
from pathlib import Path

import pytest

from benchmark.__main__ import main
from tests.datasets import miniatures
from tests.datasets.test_official_archives import KINDS

PAPER = ("aircraft", "cars", "pets", "cub", "dogs", "flowers", "stanford40", "mit67", "dtd", "celeba", "food11")


def run(*words: object) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert end.value.code == 0


def bigger_imagenet(folder: Path) -> None:
    """As many images as a budget of one per cent needs."""
    inner = folder / "n01440764.tar"
    miniatures.write_tar(inner, {f"n01440764_{number}.JPEG": miniatures.picture(number) for number in range(500)})
    with tarfile.open(folder / "ILSVRC2012_img_train.tar", "w") as tar:
        tar.add(inner, inner.name)
    inner.unlink()


def test_the_way_from_the_downloads_to_a_resolved_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, store = tmp_path / "data", tmp_path / "runs"
    for name in (*PAPER, "imagenet"):
        source = tmp_path / "downloads" / name
        source.mkdir(parents=True)
        make = bigger_imagenet if name == "imagenet" else KINDS[name][1]
        make(source)
        run("data", "prepare", name, "--from", source, "--data-root", root, "--store", store, "--unverified")
    shown = capsys.readouterr().out
    assert shown.count("images read") == 2 * len(PAPER) + 1
    plan = ("plan", "--table", "2", "--profile", "paper", "--data-root", root, "--store")
    run(*plan, store)
    assert "unresolved" not in capsys.readouterr().out
    run(*plan, tmp_path / "another")
    assert "not read yet (a run reads them first)" in capsys.readouterr().out


def test_reading_is_left_to_the_run_where_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    miniatures.mit67(tmp_path)
    words = ("data", "prepare", "mit67", "--from", tmp_path, "--data-root", tmp_path / "data", "--unverified")
    run(*words, "--no-read", "--store", tmp_path / "runs")
    assert "images read" not in capsys.readouterr().out and not (tmp_path / "runs").exists()


def test_a_damaged_manifest_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    miniatures.mit67(tmp_path)
    words = ("data", "prepare", "mit67", "--from", tmp_path, "--data-root", tmp_path / "data", "--unverified")
    run(*words, "--store", tmp_path / "runs")
    manifests = {path: path.read_text() for path in (tmp_path / "runs" / "manifests").glob("*.json")}
    assert len(manifests) == 2
    for path, text in manifests.items():
        path.write_text(text.replace("airport_inside", "another_place"))
    run(*words, "--store", tmp_path / "runs")
    assert {path: path.read_text() for path in manifests} == manifests
    assert capsys.readouterr().out.count("targets/mit67/train: 2 images read") == 2


def test_without_a_data_root_it_asks_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    with pytest.raises(SystemExit) as end:
        main(["data", "prepare", "mit67", "--from", str(tmp_path)])
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: where to? give --data-root or set BENCHMARK_DATA\n"
