"""The code that the documentation shows runs as it stands."""

import re
from pathlib import Path

import pytest

from benchmark.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_the_sampler_of_the_tutorial_keeps_the_contract(tmp_path, monkeypatch, capsys):
    text = (DOCS / "add-a-sampler.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.S)[0]
    assert len(code.splitlines()) < 30
    (tmp_path / "my_sampler.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["check", re.findall(r"benchmark check (\S+)", text)[0]])
    assert end.value.code == 0 and "all 15 clauses hold" in capsys.readouterr().out
