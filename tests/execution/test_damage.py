"""A result that is not what was written is not finished: no reader believes it or ends in a traceback, each names it,
and a run puts it aside and makes it again."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark import system
from benchmark.__main__ import main
from benchmark.commands.export.find import find_training
from benchmark.errors import UserError
from benchmark.execution import worker
from benchmark.execution.record import Damage, Record, read_result, write_record
from benchmark.execution.store import Store, open_store
from benchmark.execution.task import Task
from benchmark.images.square_cache import square_pixels
from benchmark.planning.encoders import find_encoder
from benchmark.report.collect import assemble, collect, runs_of
from benchmark.report.formats import render
from benchmark.stages import sample
from benchmark.stages.sample import PluginSampling, SampleSpec

ROOT = Path(__file__).resolve().parents[2]
ROWS = ("X", "X+OS_rand_5", "X+OS_simcore_5", "X+OS_simcore_stop")


@pytest.fixture
def session(finished_small_run, new_session, tmp_path):
    """The small job on a copy of its store, to be damaged."""
    shutil.copytree(finished_small_run[1].root, tmp_path / "runs")
    return new_session(tmp_path / "runs", targets=("dtd",), rows=ROWS, steps=(6,))


@pytest.fixture
def verb(session, capsys):
    """Run a verb on the copy: exit code, what was printed."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--store", str(session.query.store)])
        return end.value.code, capsys.readouterr()

    return run


TABLE = ("table", "2", "--targets", "dtd", "--rows", *ROWS, "--steps", "6")


def place(session, stage, name):
    return session.store.folder(stage.kind.name, stage.key) / name


def flip(path):
    """Another last byte: the file is as long as before, and a network or an array can be read from it."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def edit_accuracy(path):
    value = json.loads(path.read_text())
    value["metrics"]["accuracy"] = 99.0
    path.write_text(json.dumps(value))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def listing(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def without_a_format(path):
    value = json.loads(path.read_text())
    del value["format"]
    path.write_text(json.dumps(value))


# What a table reads, how it is damaged, and what is said of it.
DAMAGES = [
    ("evaluate", "record.json", edit_accuracy, "record.json is not what was written"),
    ("evaluate", "record.json", cut, "record.json cannot be read"),
    ("evaluate", "record.json", Path.unlink, "record.json is missing"),
    ("evaluate", "record.json", lambda path: path.write_text("[]"), "record.json cannot be read"),
    ("evaluate", "record.json", lambda path: path.write_bytes(b"\xff\xfe"), "record.json cannot be read"),
    ("evaluate", "record.json", without_a_format, "its format is None, and this version reads 1"),
    ("evaluate", "predictions.npz", Path.unlink, "predictions.npz is missing"),
    ("evaluate", "predictions.npz", cut, "predictions.npz is not what was written"),
    ("evaluate", "predictions.npz", flip, "predictions.npz is not what was written"),
    ("pretrain", "record.json", cut, "record.json cannot be read"),
    ("pretrain", "encoder.safetensors", Path.unlink, "encoder.safetensors is missing"),
    ("sample", "record.json", flip, "record.json cannot be read"),
    ("purity", "record.json", cut, "record.json cannot be read"),
]


@pytest.mark.parametrize(("part", "name", "damage", "problem"), DAMAGES)
def test_a_table_shows_the_cell_as_missing_and_names_the_damage(session, verb, part, name, damage, problem):
    stage = getattr(session.cells["X+OS_simcore_5", "dtd", 0], part)
    damage(place(session, stage, name))
    before = listing(session.query.store)
    code, shown = verb(*TABLE, "--format", "json")
    cells = {cell["row"]: cell for cell in json.loads(shown.out)["cells"]}
    assert code == 0 and {row for row in cells if cells[row]["state"] == "measured"} == set(ROWS) - {"X+OS_simcore_5"}
    cell = cells["X+OS_simcore_5"]
    assert cell["state"] == "missing" and f"{part} {stage.key[:12]}" in cell["reason"] and problem in cell["reason"]
    code, shown = verb(*TABLE)
    text = " ".join(shown.out.split())
    assert code == 0 and f"{part} {stage.key[:12]}" in text and problem in text
    assert listing(session.query.store) == before, "a table writes nothing"


def test_a_result_under_the_key_of_another_is_none_of_its(session):
    one, other = (session.cells[row, "dtd", 0].evaluate for row in ("X", "X+OS_rand_5"))
    shutil.rmtree(session.store.folder(one.kind.name, one.key))
    shutil.copytree(session.store.folder(one.kind.name, other.key), session.store.folder(one.kind.name, one.key))
    assert not session.store.has(one) and "record.json is another stage's" in str(session.store.damage(one))


def test_a_record_whose_identity_was_changed_with_its_digest_is_not_believed(session):
    stage = session.cells["X", "dtd", 0].pretrain
    folder = session.store.folder(stage.kind.name, stage.key)
    record = read_result(folder).record
    write_record(folder, replace(record, identity={**record.identity, "version": 9}))
    assert "record.json is not named by the hash of its identity" in str(session.store.damage(stage))


def test_a_missing_pretraining_leaves_its_cell_missing(session, verb):
    stage = session.cells["X+OS_rand_5", "dtd", 0].pretrain
    shutil.rmtree(session.store.folder(stage.kind.name, stage.key))
    code, shown = verb(*TABLE, "--format", "json")
    cells = {cell["row"]: cell for cell in json.loads(shown.out)["cells"]}
    assert code == 0 and (cells["X+OS_rand_5"]["state"], cells["X+OS_rand_5"]["reason"]) == ("missing", "")


def test_a_seed_that_is_lost_from_a_measured_cell_is_named_with_its_reason(finished_small_run):
    session, _ = finished_small_run
    (run,) = (run for run in runs_of(session.values(), session.store) if run.row == "X")
    lost = replace(run, seed=1, state="missing", reason="what is damaged", records={}, item_results={})
    result = assemble(session.values().layout, [*runs_of(session.values(), session.store), lost])
    assert "seed 1 of X on dtd is missing: what is damaged" in result.warnings


# Runs ----------------------------------------------------------------------------------------------------------------


def test_a_run_makes_again_what_is_damaged_and_all_that_it_needs(session, finished_small_run):
    """The sample reads features that are damaged, and whoever makes these again an encoder that is damaged too."""
    cell, other = session.cells["X+OS_simcore_5", "dtd", 0], session.cells["X+OS_rand_5", "dtd", 0]
    pool, encoder = cell.sample.input("pool"), cell.sample.input("pool").input("encoder")
    folders = [session.store.folder(stage.kind.name, stage.key) for stage in session.plan.stages]
    files = [path for folder in folders for path in folder.iterdir() if path.name != "record.json"]
    content = {path: path.read_bytes() for path in files}
    shutil.rmtree(session.store.folder("sample", cell.sample.key))
    flip(place(session, pool, "features.npy"))
    flip(place(session, encoder, "encoder.safetensors"))
    edit_accuracy(place(session, other.evaluate, "record.json"))
    command = [sys.executable, "-m", "benchmark", "reproduce", "--targets", "dtd", "--rows", *ROWS, "--steps", "6"]
    command += ["--device", "cpu", "--jobs", "1", "--store", str(session.query.store), "--format", "csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == render(collect(finished_small_run[0].values(), finished_small_run[0].store), "csv")
    damaged = {pool: "features.npy", encoder: "encoder.safetensors", other.evaluate: "record.json"}
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ") and "is damaged" in line]
    assert len(notes) == len(damaged)
    for stage, name in damaged.items():
        (line,) = (line for line in notes if f"{stage.kind.name} {stage.key[:12]}" in line)
        assert f"{name} is not what was written" in line and "the stage is run again" in line
        (kept,) = (session.query.store / "damaged").glob(f"{stage.key}.*")
        assert str(kept) in line and (kept / name).is_file()
        assert json.loads((kept / "damage.json").read_text())["damage"] in line
    assert {path: path.read_bytes() for path in content} == content
    assert list(Store(session.query.store).check(contents=True)) == []


def reading(monkeypatch, stage_input, name):
    """Replaces a stage's code by one that reads a file of an input."""

    def run(task, folder):
        task.file(stage_input, name)
        raise AssertionError("the damage was not noticed")

    monkeypatch.setattr(sample, "run", run)


@pytest.fixture
def misread(session, monkeypatch):
    """A task whose input `pool` has damaged features, and that input."""
    cell = session.cells["X+OS_simcore_5", "dtd", 0]
    pool = cell.sample.input("pool")
    shutil.rmtree(session.store.folder("sample", cell.sample.key))
    flip(place(session, pool, "features.npy"))
    reading(monkeypatch, "pool", "features.npy")
    return Task(cell.sample, open_store(session.query.store), session.data, "cpu"), pool


def test_a_worker_moves_a_damaged_input_aside(misread):
    task, pool = misread
    report = worker.attempt(task)
    assert report.status == "damaged" and "features.npy is not what was written" in report.message
    assert not task.store.has(pool) and not task.store.folder("embed", pool.key).exists()
    assert len(list((task.store.root / "damaged").glob(f"{pool.key}.*/features.npy"))) == 1


def test_what_another_run_is_at_is_left_to_it(misread):
    task, pool = misread
    with Store(task.store.root).claim(pool.key):
        report = worker.attempt(task)
    assert report.status == "damaged" and "another run mends it" in report.message
    assert task.store.folder("embed", pool.key).exists()


def test_what_was_mended_since_it_was_seen_is_not_moved(session):
    stage = session.cells["X", "dtd", 0].pretrain
    store = open_store(session.query.store)
    path = place(session, stage, "encoder.safetensors")
    whole = path.read_bytes()
    flip(path)
    with pytest.raises(Damage) as seen:
        store.file(stage, "encoder.safetensors")
    path.write_bytes(whole)
    assert "another run mends it" in store.put_aside(seen.value) and store.has(stage)
    assert not (store.root / "damaged").exists()


def test_a_damaged_folder_that_cannot_be_moved_is_one_line(misread, monkeypatch):
    task, _ = misread

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Store, "_move_damaged", refuse)
    report = worker.attempt(task)
    assert report.status == "refused" and report.message.endswith("cannot be moved aside: Permission denied")


def test_damage_that_appears_while_a_stage_is_made_is_kept_too(session):
    """Two runs at once: the other one's result came first, and is damaged."""
    stage = session.cells["X+OS_rand_5", "dtd", 0].purity
    store = open_store(session.query.store)
    whole = store.record(stage)
    edit_accuracy(place(session, stage, "record.json"))
    with store.writing(stage) as folder:
        write_record(folder, replace(whole, files={"spec.json": stage.key}))
    assert store.record(stage).metrics == whole.metrics
    (kept,) = (store.root / "damaged").glob(f"{stage.key}.*/record.json")
    assert json.loads(kept.read_text())["metrics"]["accuracy"] == 99.0


def test_a_sampler_is_not_blamed_for_damaged_features(monkeypatch):
    """Whatever a plugin raises is said to be its own; what comes before it is not."""
    plugin = SimpleNamespace(name="outside", kind="file", identity={}, make=lambda ids: None)
    monkeypatch.setattr(sample, "resolve", lambda text: plugin)
    spec = PluginSampling(identity="{}")

    def file(name, file):
        raise Damage(Path("embed/0"), file, "is not what was written")

    task = SimpleNamespace(
        local={sample.digest("{}"): "outside"}, file=file, has=lambda name: False, stage=None, record=None
    )
    with pytest.raises(Damage, match=r"features\.npy is not what was written"):
        sample._plugin(task, SampleSpec(sampling=spec, budget=3, seed=0), spec, SimpleNamespace(ids=("a",)))


# Other readers -------------------------------------------------------------------------------------------------------


def test_a_check_reads_every_byte_and_names_what_is_damaged(session, verb):
    assert verb("status", "--check")[0] == 0
    root, cell = session.query.store, session.cells["X+OS_simcore_5", "dtd", 0]
    stages = [cell.sample.input("pool"), cell.sample.input("pool").input("encoder"), cell.sample, cell.evaluate]
    names = ["features.npy", "encoder.safetensors", "positions.npy", "record.json"]
    for stage, name in zip(stages, names, strict=True):
        flip(place(session, stage, name))
    squares = next((root / "pixels").glob("*.npy"))
    flip(squares)
    manifest = next((root / "manifests").glob("*.json"), root / "manifests" / "damaged.json")
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text("{}")
    before = listing(root)
    code, shown = verb("status", "--check")
    lines = shown.out.splitlines()
    assert code == 1 and len(lines) == 1 + 6 and "6 not as they were written" in lines[0]
    for stage, name in zip(stages, names, strict=True):
        assert any(f"{stage.kind.name} {stage.key[:12]}" in line and name in line for line in lines)
    assert any(str(squares) in line for line in lines) and any(str(manifest) in line for line in lines)
    assert listing(root) == before
    # Without --check only records and names are looked at.
    code, shown = verb("status")
    assert code == 0 and shown.out.count("DAMAGED") == 1 and f"evaluate {cell.evaluate.key[:12]}" in shown.out


def test_damaged_squares_are_put_beside_and_decoded_again(session, capsys):
    stage = next(stage for stage in session.plan.stages if stage.kind.name == "embed")
    images, side, folder = stage.input("images"), stage.spec.stored, session.query.store / "pixels"
    source = session.data.verified_source(images)
    shutil.rmtree(folder)
    whole = np.array(square_pixels(source, side, folder))
    (path,) = folder.iterdir()
    capsys.readouterr()
    flip(path)
    assert np.array_equal(square_pixels(source, side, folder), whole)
    assert f"{path} are damaged" in capsys.readouterr().err
    assert sorted(one.suffix for one in folder.iterdir()) == [".damaged", ".npy"]


def test_an_encoder_that_is_damaged_is_not_taken(session):
    stage = session.cells["X", "dtd", 0].pretrain
    folder = session.store.folder("pretrain", stage.key)
    assert find_encoder(str(folder)).label == stage.label
    flip(folder / "encoder.safetensors")
    with pytest.raises(UserError, match=r"encoder\.safetensors is not what was written"):
        find_encoder(str(folder))
    cut(folder / "record.json")
    with pytest.raises(UserError, match=r"record\.json cannot be read"):
        find_encoder(str(folder))


def test_an_export_leaves_damaged_probes_out(session):
    cell = session.cells["X", "dtd", 0]
    assert len(find_training(session.query.store, cell.pretrain.key).evaluations) == 1
    edit_accuracy(place(session, cell.evaluate, "record.json"))
    assert find_training(session.query.store, cell.pretrain.key).evaluations == ()


def test_no_other_module_opens_what_a_stage_left():
    """Records are read in one place, which checks them: nobody else builds a path of the store by itself."""
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "benchmark").rglob("*.py")}
    assert [name for name, text in sources.items() if '"record.json"' in text] == ["benchmark/execution/record.py"]
    assert {name for name, text in sources.items() if ".folder(" in text} == {"benchmark/execution/store.py"}


# Digests -------------------------------------------------------------------------------------------------------------


def test_a_large_file_is_hashed_once_per_process_and_again_when_it_changes(tmp_path, monkeypatch):
    hashed = []
    hash_file = system.hashlib.file_digest
    monkeypatch.setattr(
        system.hashlib, "file_digest", lambda file, name: hashed.append(file.name) or hash_file(file, name)
    )
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"a")
    large.write_bytes(bytes(system.LARGE))
    for _ in range(3):
        digests = [system.file_sha256(small), system.file_sha256(large)]
    assert hashed.count(str(small)) == 3 and hashed.count(str(large)) == 1
    flip(large)
    os.utime(large, (1, 1))
    assert system.file_sha256(large) != digests[1] and hashed.count(str(large)) == 2


def test_a_record_is_the_same_after_writing_and_reading(session):
    result = session.store.finished("pretrain")[0]
    assert Record.from_json(json.loads(json.dumps(result.record.to_json()))) == result.record
    assert set(result.record.files) | {"record.json"} == {path.name for path in result.folder.iterdir()}
    assert all(len(sha256) == 64 for sha256 in result.record.files.values())
    with pytest.raises(Damage, match="is not in its record"):
        result.file("record.json")
