"""The three quick starts of the README run as they are printed, and print the lines that it shows."""

import io
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from in_process import execute_here

from benchmark.__main__ import main
from scripts.quick_starts import README, prepare, quick_starts, run, words, written_again

TEXT = README.read_text()
STARTS = quick_starts(TEXT)
EXACT = ("target: ", "pool: ", "wrote ", "next, ", "  python -m", "  published", "cub, budget")
"""Beginnings of lines whose numbers follow from the images, the options or the published table alone."""
SHORT = {"compare": [], "reproduce": ["--rows", "X", "X+simcore(stop)"]}
"""What else makes a run short: two of the ten rows. A sample takes too long for the fast tests even so."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the quick starts take: two folders of stand-ins, and the sampler of the README."""
    folder = tmp_path_factory.mktemp("quick-starts")
    prepare(TEXT, folder)
    return folder


def verb(start):
    return start.command.split()[3]


def assert_as_shown(shown, printed, exact=EXACT):
    again = written_again(shown, printed)
    assert [line for line in again if line.startswith(exact)] == [line for line in shown if line.startswith(exact)]


def test_the_readme_has_three_quick_starts_with_about_ten_lines_of_output():
    assert [verb(start) for start in STARTS] == ["sample", "compare", "reproduce"]
    assert all(8 <= len(start.shown) <= 12 for start in STARTS)
    assert all(any(line.startswith(EXACT) for line in start.shown) for start in STARTS)


@pytest.mark.parametrize("start", STARTS[1:], ids=verb)
def test_a_short_run_prints_what_is_shown(start, place, monkeypatch):
    """With two steps of training instead of the profile's, which change numbers and no other word."""
    monkeypatch.chdir(place)
    monkeypatch.setattr("benchmark.commands._measure.execute", execute_here)
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output), pytest.raises(SystemExit) as end:
        main([*shlex.split(start.command)[3:], "--steps", "2", *SHORT[verb(start)]])
    assert end.value.code == 0, output.getvalue()
    assert_as_shown(start.shown, output.getvalue().splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS, ids=verb)
def test_a_quick_start_prints_what_is_shown(start, place):
    assert_as_shown(start.shown, run(start.command, place), (*EXACT, "Stand-in images"))


def test_shown_lines_are_written_again_with_the_numbers_of_today():
    printed = ["pool: 500 images", "a    1.25", "", "---  ----", "b   -3.00", "wrote c.txt"]
    assert written_again(["a 1.0", "…", "b 22", "wrote c.txt"], printed) == [
        "a    1.25",
        "…",
        "b   -3.00",
        "wrote c.txt",
    ]
    for wrong in (["b 1", "a 1"], ["c 1"], ["pool: 500 pictures"]):
        with pytest.raises(ValueError, match=f"like: {wrong[-1]}"):
            written_again(wrong, printed)


def test_words_of_a_line_are_without_numbers_keys_and_folders():
    assert words("pool: 1,234 images, manifest 0cd091b4ba94") == words("pool: 7 images, manifest 1cddb2fcafb9")
    assert words("  open file:///tmp/a/coreset.png") == words("  open file:///home/coreset.png")
    assert words("next, another budget") != words("next, another sampler")


def test_what_a_quick_start_takes_is_made(place):
    assert len(list(Path(place, "my_birds").rglob("*.png"))) == 100
    assert len(list(Path(place, "my_pool").rglob("*.png"))) == 500
    assert "class ClosestToMean" in Path(place, "my_sampler.py").read_text()
