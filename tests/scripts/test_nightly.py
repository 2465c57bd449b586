"""scripts/nightly.sh keeps what its parts said, without paths of the machine, and fails when one of them did."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def nightly(tmp_path):
    """Run the script in a folder of its own with a `python` that does nothing but talk: `nightly(exit code of the slow
    tests)`."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "nightly.sh", tmp_path / "scripts")
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()

    def run(code):
        python.write_text(
            "#!/bin/bash\n"
            'case "$*" in\n'
            "  -c*) echo /opt/environment;;\n"
            f'  *pytest*) echo "$PWD/tests/test_a.py and /opt/environment/lib/b.py: failed" >&2; exit {code};;\n'
            '  *) echo "said by $*";;\n'
            "esac\n"
        )
        python.chmod(0o755)
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", str(tmp_path / "scripts" / "nightly.sh")]
        done = subprocess.run(
            command, env={**os.environ, "PATH": path, "TMPDIR": "/tmp"}, capture_output=True, text=True
        )
        kept = {file.stem: file.read_text() for file in (tmp_path / "results" / "nightly").iterdir()}
        return done, kept

    return run


def test_every_part_is_run_and_its_output_kept(nightly):
    done, kept = nightly(0)
    assert done.returncode == 0 and "all parts passed" in done.stdout
    assert set(kept) == {"mutants", "slow", "coverage"}
    assert "said by scripts/mutants.py" in kept["mutants"] and "said by -m scripts.coverage" in kept["coverage"]
    assert "ended with exit code 0" in kept["slow"]


def test_a_part_that_fails_ends_no_other_and_is_reported(nightly):
    done, kept = nightly(3)
    assert done.returncode == 1 and "failed: slow;" in done.stdout
    assert "ended with exit code 3" in kept["slow"] and "said by" in kept["coverage"]
    assert "tests/test_a.py and <python>/lib/b.py: failed" in kept["slow"].splitlines()
