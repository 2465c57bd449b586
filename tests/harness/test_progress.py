"""What long work shows: nothing at first, then lines or bars on standard error."""

import io

import pytest

from benchmark import progress


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_come_after_two_seconds_and_then_every_ten(clock, capsys):
    with progress.shown() as show:
        for second in range(26):
            clock.now = float(second)
            show("reading", second, 26)
    assert capsys.readouterr().err.splitlines() == ["  reading: 2/26", "  reading: 12/26", "  reading: 22/26"]


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
