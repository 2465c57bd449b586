"""The released reading of the paper, end to end on stand-ins."""

import json

import numpy as np
import pytest

from benchmark.__main__ import main


@pytest.mark.slow
def test_the_released_protocol_runs_and_its_records_say_what_is_optimistic_in_it(tmp_path, capsys):
    arguments = ["reproduce", "--profile", "smoke", "--protocol", "released", "--targets", "dtd", "--steps", "5"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--rows", "X", "X+OS_simcore_stop", "--store", str(tmp_path), "--device", "cpu"])
    assert end.value.code == 0 and "protocol released" in capsys.readouterr().out
    probes = [json.loads(path.read_text()) for path in tmp_path.glob("evaluate/*/record.json")]
    assert len(probes) == 2
    for probe in probes:
        info, spec = probe["info"], probe["identity"]["spec"]
        assert (spec["kind"], spec["epoch_choice"], spec["adapt_batchnorm"]) == ("released", "best_test", True)
        assert info["best"] == max(info["test_curve"]) == probe["metrics"]["accuracy"]
        assert info["best_minus_last"] == info["best"] - info["test_curve"][-1] >= 0
        arrays = np.load(tmp_path / "evaluate" / probe["key"] / "predictions.npz")
        right = {
            name: float(100 * (arrays[name] == arrays["labels"]).mean()) for name in ("predicted", "predicted_last")
        }
        assert right["predicted"] == pytest.approx(info["best"])
        assert right["predicted_last"] == pytest.approx(info["last"])
    (sample,) = [json.loads(path.read_text()) for path in tmp_path.glob("sample/*/record.json")]
    assert (
        sample["info"]["reference_round"] == 2 and sample["identity"]["spec"]["sampling"]["failing_round"] == "dropped"
    )
    f = sample["info"]["f_curve"]
    assert sample["metrics"]["stopped_by"] == "threshold" and f[-1] < 0.95 * f[1] <= min(f[1:-1])
