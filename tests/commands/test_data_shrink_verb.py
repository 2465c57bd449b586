"""The verb `data shrink`: what it prints, its mistakes, and a table that is measured from a pack."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Target `leaves` of two classes and open-set `pool`, of noise."""
    noise, places = np.random.default_rng(0), [("opensets/pool/train", 24)]
    places += [(f"targets/leaves/{split}/{name}", 5) for split in ("train", "test") for name in ("ash", "elm")]
    for place, count in places:
        (tmp_path / "data" / place).mkdir(parents=True)
        for number in range(count):
            pixels = noise.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / place / f"{number}.jpg")
    return tmp_path / "data"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


def places(root: Path) -> list[str]:
    return ["--data-root", str(root), "--store", str(root.parent / "runs"), "--out", str(root.parent / "pack")]


def test_it_says_what_was_made_and_where(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "data", "shrink", "leaves", "--size", "20", "--per-class", "3", *places(root))
    lines = out.splitlines()
    assert code == 0 and lines[:2] == ["targets/leaves/train: 6 images", "targets/leaves/test: 6 images"]
    assert lines[2].startswith(f"written to {root.parent / 'pack'}: pack ") and len(lines) == 3
    assert not (root.parent / "pack/opensets").exists()
    code, _, err = run(capsys, "data", "shrink", "leaves", *places(root))
    assert code == 2 and "is there already" in err


def test_all_images_may_be_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for images that are stored at 256 px once, to be decoded faster."""
    code, out, _ = run(capsys, "data", "shrink", "--size", "20", "--per-class", "all", *places(root))
    assert code == 0 and "opensets/pool/train: 24 images" in out
    with Image.open(root.parent / "pack/opensets/pool/train/7.jpg") as image:
        assert image.size == (25, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["leafs"], "unknown data set 'leafs'; did you mean leaves?"),
        (["--per-class", "0"], "--per-class is 0: give a number from 1 on, or all"),
        (["--per-class", "many"], "--per-class is many"),
        (["--size", "0"], "--size"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = run(capsys, "data", "shrink", *arguments, *places(root))
    assert (code, out) == (2, "") and message in err and len(err.splitlines()) == 1
    assert [path.name for path in root.parent.iterdir()] == ["data"]


@pytest.mark.slow
def test_a_mini_table_is_measured_from_a_pack(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "data", "shrink", "--size", "32", "--per-class", "4", *places(root))[0] == 0
    question = ["--profile", "mini", "--targets", "leaves", "--openset", "pool", "--rows", "OS", "--steps", "1"]
    data = ["--data-root", str(root.parent / "pack"), "--store", str(root.parent / "runs")]
    code, out, err = run(capsys, "reproduce", *question, *data, "--device", "cpu", "--jobs", "1")
    assert code == 0 and "missing" not in out and "failed" not in out, (out, err)
