"""The whole command on real images: a few steps of training, then everything that a table shows."""

import json
import os

import pytest

from benchmark.__main__ import main

ROWS = ("X", "X+OS_rand_5", "X+OS_simcore_5", "X+OS_simcore_stop", "X+oracle(5%)")


@pytest.mark.realdata
@pytest.mark.slow
def test_a_real_target_against_a_real_open_set(tmp_path, capsys):
    if "BENCHMARK_DATA" not in os.environ:
        pytest.skip("needs real images: set BENCHMARK_DATA to a data root with targets/pets3 and opensets/mixed")
    arguments = ["reproduce", "--profile", "mini", "--targets", "pets3", "--openset", "mixed", "--steps", "3"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--rows", *ROWS, "--store", str(tmp_path / "runs"), "--device", "cpu", "--format", "json"])
    assert end.value.code == 0
    table = json.loads(capsys.readouterr().out)
    cells = {cell["row"]: cell for cell in table["cells"]}
    assert set(cells) == set(ROWS)
    assert all(cell["state"] == "measured" and cell["test_images"] == 298 for cell in cells.values())
    assert all(cell["published"] is None and cell["data"] == "as found" for cell in cells.values())
    # 804 of 16,481 images are of dogs or cats.
    assert all(cells[row]["base_rate"] == pytest.approx(100 * 804 / 16481) for row in ROWS[1:])
    assert cells["X+oracle(5%)"]["purity"] == 100
    assert cells["X+OS_simcore_5"]["purity_without_heldout"] is not None
    picks = list((tmp_path / "runs" / "sample").glob("*/picks.txt"))
    ids = [line for path in picks for line in path.read_text().splitlines() if not line.startswith("#")]
    assert ids and all("__" in line and line.endswith(".jpg") for line in ids)
