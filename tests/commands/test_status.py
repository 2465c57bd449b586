"""`status` and `show KEY`: what is listed is there, and whatever is listed can be shown."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmark.__main__ import main
from benchmark.execution.environment import command_line
from benchmark.execution.record import Record, digests, write_record
from benchmark.execution.store import Store, open_store
from benchmark.specs.stages import Images, Stage
from benchmark.stages.sample import KIND, PluginSampling, RandomSampling, SampleSpec


def a_stage(seed=0, sampling=None, label="a draw"):
    images = Images("opensets", "pool", "train", "m" * 64, 10)
    draw = SampleSpec(sampling=sampling or RandomSampling(), budget=3, seed=seed)
    return Stage(KIND, draw, (("openset", images),), label)


def own_run(code):
    """A draw by a sampler of the user's whose source is `code`."""
    return a_stage(sampling=PluginSampling(identity=json.dumps({"class": "Mine", "sha256": code})), label="mine")


def finish(store, stage):
    with store.writing(stage) as folder:
        files = digests(folder)
        write_record(
            folder, Record(stage.kind.name, stage.key, stage.identity, {}, {}, {}, 1.0, 1.0, files, stage.label)
        )


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "runs")


@pytest.fixture
def verb(store, capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--store", str(store.root)])
        return end.value.code, capsys.readouterr()

    return run


# Checkpoints ---------------------------------------------------------------------------------------------------------


def test_a_stage_that_was_begun_and_left_no_checkpoint_is_not_listed(store, verb):
    (store.scratch(a_stage()) / "checkpoint.safetensors.1.tmp").write_text("half")
    assert "checkpoint" not in verb("status")[1].out
    (store.scratch(a_stage()) / "checkpoint.safetensors").write_text("whole")
    assert f"checkpoint of an unfinished stage: {a_stage().key[:12]} a draw" in verb("status")[1].out


def test_a_folder_for_checkpoints_without_any_is_cleared_unless_its_stage_runs(store):
    folder = store.scratch(a_stage())
    with store.claim(a_stage().key):
        open_store(store.root)
        assert folder.exists()
    open_store(store.root)
    assert not folder.exists()


# Failures ------------------------------------------------------------------------------------------------------------


def test_a_failure_that_another_run_mended_is_not_listed(store, verb):
    store.fail(a_stage(), "Traceback\nError: the reason", {})
    left = store.root / "failed" / f"{a_stage().key}.json"
    crash = left.read_text()
    finish(Store(store.root), a_stage())
    assert not left.exists()
    # A run that crashed writes its failure down after the other one's success.
    left.write_text(crash)
    assert "FAILED" not in verb("status")[1].out
    open_store(store.root)
    assert not left.exists()


def test_no_failure_is_recorded_of_a_stage_that_is_finished(store):
    finish(store, a_stage())
    store.fail(a_stage(), "Traceback\nError: died after the rename", {})
    assert store.crash(a_stage().key) is None


def test_a_failure_of_a_sampler_that_was_mended_is_not_listed(store, verb):
    """Mended code is another key."""
    broken, mended = own_run("broken"), own_run("mended")
    assert broken.key != mended.key
    store.fail(broken, "Traceback\nError: the reason", {})
    finish(store, a_stage())
    assert "FAILED" in verb("status")[1].out
    finish(store, mended)
    assert "FAILED" not in verb("status")[1].out
    open_store(store.root)
    assert store.crash(broken.key) is None


def test_a_sampler_that_was_broken_after_it_had_succeeded_is_listed(store, verb):
    finish(store, own_run("whole"))
    record = store.folder("sample", own_run("whole").key) / "record.json"
    os.utime(record, (1, 1))
    store.fail(own_run("broken"), "Traceback\nError: the reason", {})
    assert f"FAILED {own_run('broken').key[:12]} mine: Error: the reason" in verb("status")[1].out


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"identity": {"kind": "", "spec": 1, "inputs": 1}, "label": "", "traceback": ""}',
        '{"identity": 1, "label": "", "traceback": ""}',
    ],
)
def test_a_damaged_note_of_a_failure_stops_nobody(store, verb, text):
    store.fail(a_stage(), "Traceback\nError: the reason", {})
    (store.root / "failed" / f"{a_stage().key}.json").write_text(text)
    code, shown = verb("status")
    assert code == 0 and "FAILED" not in shown.out and store.crash(a_stage().key) is None


# Show ----------------------------------------------------------------------------------------------------------------


def test_whatever_status_lists_can_be_shown(store, verb):
    finished, failed, begun, damaged, aside = (a_stage(seed) for seed in range(5))
    for stage in (finished, damaged, aside):
        finish(store, stage)
    store.fail(failed, "Traceback\nError: the reason", {})
    (store.scratch(begun) / "checkpoint").write_text("half")
    for stage in (damaged, aside):
        (store.folder("sample", stage.key) / "spec.json").unlink()
    store.put_aside(store.damage(aside))
    code, shown = verb("status")
    keys = {key for line in shown.out.splitlines()[1:] for key in re.findall(r"[0-9a-f]{12}", line)}
    assert code == 0 and {stage.key[:12] for stage in (failed, begun, damaged, aside)} <= keys
    assert "1 finished" in shown.out
    values = {}
    for stage in (finished, failed, begun, damaged, aside):
        code, shown = verb("show", stage.key[:12])
        assert code == 0
        values[stage] = json.loads(shown.out)
        assert values[stage]["key"] == stage.key
    assert values[finished]["files"] == {"spec.json": finished.key} and values[finished]["label"] == "a draw"
    assert values[failed]["state"] == "failed" and values[failed]["traceback"].endswith("the reason")
    assert values[begun]["state"] == "unfinished" and values[begun]["identity"] == begun.identity
    assert values[damaged]["state"] == "damaged" and "spec.json is missing" in values[damaged]["damage"]
    assert values[aside]["state"] == "put aside" and "spec.json is missing" in values[aside]["damage"]


def test_a_result_goes_before_what_was_put_aside_of_its_key(store, verb):
    finish(store, a_stage())
    (store.folder("sample", a_stage().key) / "spec.json").unlink()
    store.put_aside(store.damage(a_stage()))
    finish(store, a_stage())
    assert json.loads(verb("show", a_stage().key)[1].out)["kind"] == "sample"


def test_a_beginning_of_several_keys_is_refused(store, verb):
    finish(store, a_stage())
    shutil.copytree(store.folder("sample", a_stage().key), store.folder("sample", a_stage().key[:10] + "0" * 54))
    code, shown = verb("show", a_stage().key[:10])
    assert code == 2 and f"2 stages of {store.root} have keys that begin with" in shown.err


def test_a_stage_is_shown_by_its_label_and_one_of_several_by_its_key(store, verb):
    finish(store, a_stage(label="one draw"))
    assert json.loads(verb("show", "one draw")[1].out)["key"] == a_stage().key
    for seed in (1, 2):
        finish(store, a_stage(seed))
    code, shown = verb("show", "a draw")
    assert code == 2 and f"2 stages of {store.root} are called 'a draw': give a key (" in shown.err
    assert all(a_stage(seed).key[:12] in shown.err for seed in (1, 2))


# What a person can act on --------------------------------------------------------------------------------------------


def test_encoders_are_listed_with_what_names_them(finished_small_run, capsys):
    session, store = finished_small_run
    with pytest.raises(SystemExit):
        main(["status", "--store", str(store.root)])
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines() if line.endswith("steps)")]
    trainings = {cell.pretrain.key: cell.pretrain for cell in session.plan.cells}
    assert sorted(lines) == sorted(["", "", key[:12], one.label, "(6 steps)"] for key, one in trainings.items())


def test_an_evaluation_and_a_coreset_are_followed_to_their_encoder(finished_small_run, capsys):
    session, store = finished_small_run
    cell = next(cell for cell in session.plan.cells if cell.variant.name == "X+simcore(5%)")
    retrieval = store.record(cell.sample.input("pool")).identity["inputs"]["encoder"]
    for name, key in ((cell.evaluate.label, cell.pretrain.key), (cell.sample.key, retrieval)):
        with pytest.raises(SystemExit):
            main(["show", name, "--store", str(store.root)])
        encoder = json.loads(capsys.readouterr().out)["encoder"]
        assert encoder == {"key": key, "label": store.result("pretrain", key).record.label}


def test_a_failure_and_an_unfinished_training_have_the_command_that_goes_on(store, verb, monkeypatch, new_session):
    monkeypatch.setattr("sys.argv", ["/a/benchmark/__main__.py", "reproduce", "2", "--rows", "X+simcore(5%)"])
    working = open_store(store.root, command_line())
    working.fail(a_stage(), "Traceback\nError: the reason", {})
    (cell,) = new_session(store.root, targets=("dtd",), rows=("X",), steps=(400,)).plan.cells
    folder = working.scratch(cell.pretrain)
    save_file({"losses": np.zeros(30)}, folder / "checkpoint.safetensors")
    shown = verb("status")[1].out
    command = "python -m benchmark reproduce 2 --rows 'X+simcore(5%)'"
    assert f"a draw: Error: the reason\n    again with: {command}" in shown
    assert f"{cell.pretrain.label}, step 30 of 400\n    goes on with: {command}" in shown


def test_a_program_of_the_users_is_no_command(monkeypatch):
    for program in ("-c", "/home/me/train.py", "/home/me/other/__main__.py", ""):
        monkeypatch.setattr("sys.argv", [program, "--fast"])
        assert command_line() == ""
    monkeypatch.setattr("sys.argv", ["/bin/simcore-benchmark", "list"])
    assert command_line() == "simcore-benchmark list"
