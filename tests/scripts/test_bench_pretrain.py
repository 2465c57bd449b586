import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench_record import read

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_races_two_methods_prints_both_ratios_and_keeps_the_rounds(tmp_path: Path) -> None:
    """One round of one step each; what is not installed or cannot run leaves its cells empty."""
    command = [sys.executable, "-m", "scripts.bench_pretrain", "--profile", "smoke", "--methods", "simclr", "mae"]
    short = ["--rounds", "1", "--steps", "1", "--workers", "0", "--format", "md"]
    short += ["--save", str(tmp_path / "race.json")]
    done = subprocess.run([*command, *short], cwd=ROOT, capture_output=True, text=True, check=True)
    header, _, *rows = (line for line in done.stdout.splitlines() if line.startswith("|"))
    names = [cell.strip() for cell in header.split("|")]
    assert {"ours / bare", "ours / solo-learn"} < set(names)
    assert [row.split("|")[1].strip() for row in rows] == ["simclr", "mae"]
    for row in rows:
        cells = dict(zip(names, (cell.strip() for cell in row.split("|")), strict=True))
        assert float(cells["ours / bare"].split()[0]) > 0
    cases = read(tmp_path / "race.json").select(contender="our trainer", round=1)
    assert [case["method"] for case in cases] == ["simclr", "mae"]
    assert all(case["images_per_second"] > 0 for case in cases)
