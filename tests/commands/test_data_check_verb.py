"""The verb `data check`: what it prints and writes, and the errors of its options."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.commands.data._check_page import PAIRS
from benchmark.commands.data.check import data_check
from benchmark.errors import UserError


def save(seed: int, path: Path) -> None:
    """A smooth coloured picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Target `leaves` of which a test image is in open-set `pool`, and open-set `other`."""
    for number, item in enumerate(("train/ash/0.png", "train/elm/1.png", "test/ash/2.png", "test/elm/3 & 4.png")):
        save(number, tmp_path / "data/targets/leaves" / item)
    save(3, tmp_path / "data/opensets/pool/train/stolen.bmp")
    save(10, tmp_path / "data/opensets/pool/train/own.png")
    save(11, tmp_path / "data/opensets/other/train/own.png")
    return tmp_path / "data"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["data", "check", *arguments])
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


def test_the_screen_shows_splits_and_then_what_they_share(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--data-root", str(root), "--store", str(tmp_path / "runs"))
    assert code == 0 and out.splitlines() == [
        "targets/leaves/train: 2 images in 2 classes (1 in ash to 1 in elm)",
        "targets/leaves/test: 2 images in 2 classes (1 in ash to 1 in elm)",
        "opensets/other/train: 1 image in 1 folder (1 in none to 1 in none)",
        "opensets/pool/train: 2 images in 1 folder (2 in none to 2 in none)",
        "images of targets/leaves/test in targets/leaves/train: 0 (there 0 images)",
        "images of targets/leaves/test in opensets/other/train: 0 (there 0 images)",
        "LEAK of targets/leaves/test in opensets/pool/train: 1 (there 1 image)",
        "  1 pair across the splits, same pixels: elm/3 & 4.png = stolen.bmp",
    ]


def test_names_choose_data_sets(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "pool", "--data-root", str(root), "--store", str(tmp_path / "runs"))
    assert out.splitlines() == [
        "opensets/pool/train: 2 images in 1 folder (2 in none to 2 in none)",
        "no test split was compared with an open-set: name a target and an open-set",
    ]


def test_json_and_page_have_every_pair(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "report"
    (root / "opensets/pool/train/bad.png").write_bytes(b"no image")
    code, out, _ = run(capsys, "--data-root", str(root), "--store", str(tmp_path / "runs"), "--out", str(folder))
    assert code == 0 and f"written to {folder}: check.json, check.html" in out
    content = json.loads((folder / "check.json").read_text())
    (leak,) = (one for one in content["comparisons"] if one["pairs"])
    assert leak["leak"] and leak["pairs"][0]["second"] == "stolen.bmp"
    page = (folder / "check.html").read_text()
    (figure,) = re.findall(r"<figure>(.*?)</figure>", page)
    assert figure.count("data:image/jpeg;base64,") == 2 and "elm/3 &amp; 4.png | stolen.bmp" in figure
    assert "unreadable: bad.png (cannot identify image file)" in page
    # One file that needs neither a network nor a script.
    assert not re.search(r"https?:|<script|<link", page)


def test_the_page_is_bounded_and_says_so(root: Path, tmp_path: Path) -> None:
    stolen = (root / "opensets/pool/train/stolen.bmp").read_bytes()
    for number in range(PAIRS + 3):
        (root / f"opensets/other/train/{number}.bmp").write_bytes(stolen)
    checked = data_check(["other"], root, tmp_path / "runs", tmp_path / "report")
    assert len(checked.splits[0].pairs) == PAIRS + 2
    assert "and 2 more pairs: see the JSON file" in (tmp_path / "report/check.html").read_text()
    assert len(json.loads((tmp_path / "report/check.json").read_text())["splits"][0]["pairs"]) == PAIRS + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pol"], "unknown data set 'pol'; did you mean pool?"),
        (["all"], "unknown data set 'coco'"),
        (["--data-root", "{root}/opensets/pool"], "holds neither targets nor open-sets"),
        (["--data-root", "{root}/none"], "does not exist"),
        (["--out", "{root}/opensets/pool/train/own.png"], "name a folder that can be made"),
        (["--out", "{root}/no/where"], "name a folder that can be made"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    given = [argument.format(root=root) for argument in arguments]
    code, out, err = run(capsys, "--data-root", str(root), "--store", str(tmp_path / "runs"), *given)
    assert (code, out) == (2, "") and message in err and len(err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_full_disk_is_one_line(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmark.system import write_atomically

    def full(path: Path, text: str) -> None:
        if path.suffix == ".html":
            raise OSError(28, "No space left on device")
        write_atomically(path, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.commands.data._check_page.write_atomically", full)
        with pytest.raises(UserError, match="No space left on device; name another folder with --out"):
            data_check(None, root, tmp_path / "runs", tmp_path / "report")


def test_a_store_that_cannot_be_written_is_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").write_text("a file")
    code, _, err = run(capsys, "--data-root", str(root), "--store", str(tmp_path / "runs"))
    assert code == 2 and str(tmp_path / "runs") in err and "Traceback" not in err


def test_data_is_a_group_of_verbs_and_its_help_is_light() -> None:
    script = """
import sys
from benchmark.__main__ import main
try:
    main(["data", "--help"])
except SystemExit:
    pass
print(sorted({"torch", "faiss", "numpy", "datasets", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "check" in done.stdout and done.stdout.splitlines()[-1] == "[]"


PLACES = ["--openset", "pool", "--profile", "mini", "--steps", "1", "--without-leaks"]


@pytest.mark.parametrize(
    "command",
    [
        ["reproduce", "--targets", "leaves", "--rows", "OS"],
        ["run", "--target", "leaves", "--variant", "OS"],
        ["compare", "--target", "leaves", "--sampler", "random", "--budget", "1"],
    ],
)
def test_a_run_without_leaks_asks_for_the_check(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, *PLACES, "--data-root", str(root), "--store", str(tmp_path / "runs"), "--device", "cpu"])
    assert end.value.code == 2 and "(benchmark data check leaves pool)" in capsys.readouterr().err
    assert not (tmp_path / "runs/manifests").exists()


@pytest.mark.slow
def test_a_run_without_leaks_says_what_it_dropped(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(20, 60):
        save(number, root / f"opensets/pool/train/{number}.png")
        save(number + 100, root / f"targets/leaves/train/{('ash', 'elm')[number % 2]}/{number}.png")
    places = ["--data-root", str(root), "--store", str(tmp_path / "runs")]
    assert run(capsys, "leaves", "pool", *places)[0] == 0
    question = ["--targets", "leaves", "--rows", "OS", *PLACES, *places]
    for command in (["reproduce", *question, "--device", "cpu", "--jobs", "1"], ["table", "2", *question]):
        with pytest.raises(SystemExit) as end:
            main(command)
        captured = capsys.readouterr()
        assert end.value.code == 0, captured
        assert "opensets/pool: test images found in it: 1 (1 of leaves), left out" in captured.out
        assert "missing" not in captured.out
    with pytest.raises(SystemExit):
        main(["plan", *question])
    assert " 41 " in capsys.readouterr().out
