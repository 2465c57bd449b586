"""What long work shows: nothing at first, then lines or bars on standard error."""

import io
import re

import pytest

from benchmark.execution import display as progress
from benchmark.execution import display as run_screen
from benchmark.execution.worker import Report
from benchmark.specs.stages import Stage
from benchmark.stages.sample import KIND, RandomSampling, SampleSpec


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(run_screen, "time", clock)
    return clock


def test_lines_come_after_two_seconds_and_then_every_ten(clock, capsys):
    with progress.shown() as show:
        for second in range(26):
            clock.now = float(second)
            show("reading", second, 26)
    lines = [f"  reading: {done}/26 images, 0:{left} left" for done, left in ((2, 24), (12, 14), (22, "04"))]
    assert capsys.readouterr().err.splitlines() == lines


def test_the_time_left_is_that_of_the_speed_since_the_work_went_on(clock, capsys):
    """What an earlier run had done cost this one nothing."""
    with progress.shown() as show:
        show("reading", 5000, 45000)
        clock.now = 10.0
        show("reading", 5100, 45000)
    assert capsys.readouterr().err == "  reading: 5100/45000 images, 1:06:30 left\n"


def test_short_work_shows_nothing(clock, capsys):
    with progress.shown() as show:
        show("reading", 1, 2)
    assert capsys.readouterr().err == ""


def test_bars_on_a_terminal(clock, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", screen)
    with progress.shown() as show:
        assert isinstance(show, progress.BarProgress)
        show("too early", 1, 2)
        clock.now = 3.0
        show("reading", 1, 2)
    assert "reading" in screen.getvalue() and "too early" not in screen.getvalue()


def test_what_a_stage_says_stands_above_the_bars_as_it_is(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    monkeypatch.setattr(run_screen.sys, "stderr", terminal)
    screen = run_screen.make_screen()
    screen.start(2, 0)
    screen.began(draw(0))
    screen.note(draw(0), "goes on from step 2 of 5")
    screen.stopping(1)
    screen.stopping(2)
    screen.ended(draw(0), Report("failed", "KeyError: [/x] [red]"), 1.0)
    screen.stop()
    shown = terminal.getvalue()
    assert "sample draw 0 goes on from step 2 of 5" in shown and "FAILED sample draw 0: KeyError: [/x] [red]" in shown
    assert "stopping: a training finishes its step and is saved; once more ends at once, without that" in shown
    assert "stopping: 2 trainings finish a step and are saved" in shown


def draw(seed):
    return Stage(KIND, SampleSpec(sampling=RandomSampling(), budget=3, seed=seed), (), f"draw {seed}")


def test_a_run_without_a_terminal_tells_what_it_is_working_on(clock, capsys):
    screen = run_screen.make_screen()
    screen.start(4, 1)
    screen.began(draw(0))
    screen.began(draw(1))
    screen.progress(draw(1), "steps", 30, 400)
    screen.waiting([draw(2)])
    clock.now = 11.0
    screen.tick()
    screen.left(draw(0))
    screen.ended(draw(1), Report("done"), 12.0)
    clock.now = 21.0
    screen.tick()
    screen.ended(draw(0), Report("done"), 1.0)
    screen.waiting([])
    clock.now = 400.0
    screen.tick()
    clock.now = 415.0
    screen.tick()  # not yet: a twentieth of 400 seconds has to pass
    assert capsys.readouterr().err.splitlines() == [
        "4 stages, 1 of them finished before",
        "[1/4] working on sample draw 0; sample draw 1 30/400 steps; next: sample draw 2",
        "[2/4] sample draw 1 (12 s)",
        "[2/4, about 0:42 left] working on sample draw 0 in another run; next: sample draw 2",
        "[3/4, about 3:20 left] working on what is next",
    ]


def test_bars_have_units_and_what_comes_next_and_never_cut_a_name(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(run_screen.sys, "stderr", terminal := Terminal())
    long = Stage(KIND, SampleSpec(sampling=RandomSampling(), budget=3, seed=0), (), "of a name that is " + "long " * 14)
    screen = run_screen.make_screen()
    screen.start(3, 0)
    screen.began(long)
    screen.waiting([draw(1)])
    screen.progress(long, "steps", 30, 400)
    screen._bars.refresh()
    screen.stop()
    shown = " ".join(re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", terminal.getvalue()).split())
    assert shown.count("long") >= 14 and "30/400" in shown and "steps" in shown and "left" in shown
    assert "0/3" in shown and "stages" in shown and "next" in shown and "draw" in shown
