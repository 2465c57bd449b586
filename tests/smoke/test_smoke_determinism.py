"""The same seed gives the same picks, weights and metrics, in any store and in any order; another seed gives others."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.execution.store import Store, open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.specs.artefacts import PREDICTIONS

ROOT = Path(__file__).resolve().parents[2]
# What may differ between two runs of one stage: how long it took and where it was.
OF_THE_RUN = {"seconds", "peak_memory_mb", "peak_device_memory_mb", "environment"}


def without_the_run(value):
    if isinstance(value, dict):
        return {name: without_the_run(one) for name, one in value.items() if name not in OF_THE_RUN}
    return value


def results(store, session):
    """Every stage of the plan: its record without what may differ, and the hash of each of its other files."""
    by_label = {}
    for stage in session.plan.stages:
        folder = store.folder(stage.kind.name, stage.key)
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir()
            if path.name != "record.json"
        }
        by_label[stage.label] = content_of(store, stage), files
    return by_label


def content_of(store, stage):
    """A stage's record without what may differ between two runs, and so without its own digest."""
    record = store.record(stage).to_json()
    del record["sha256"]
    return without_the_run(record)


def test_two_runs_in_fresh_stores_are_the_same(finished_small_run, small_run, tmp_path):
    session, store = finished_small_run
    other_session, other = small_run(tmp_path / "runs")
    one, two = results(store, session), results(other, other_session)
    assert len(one) == len(session.plan.stages) == 16
    assert {name for _, files in one.values() for name in files} >= {
        "encoder.safetensors", "features.npy", "picks.txt", "predictions.npz",
    }  # fmt: skip
    assert one == two


def test_times_and_places_are_the_only_things_left_out(finished_small_run):
    session, store = finished_small_run
    stage = session.cells["X", "dtd", 0].pretrain
    record, kept = store.record(stage).to_json(), content_of(store, stage)
    assert set(record) - set(kept) == {"seconds", "peak_memory_mb", "environment", "sha256"}
    assert set(record["metrics"]) - set(kept["metrics"]) == {"seconds"}
    assert kept["metrics"]["final_loss"] > 0 and kept["info"]["curve"]


def test_another_seed_gives_other_picks_weights_and_numbers(finished_small_run, small_run, tmp_path):
    session, store = finished_small_run
    other_session, other = small_run(tmp_path / "runs", seeds=(1,), rows=("X+OS_rand_5", "X+OS_simcore_5"))
    for row in other_session.rows:
        one = numbers(store, session.cells[row.id, "dtd", 0])
        two = numbers(other, other_session.cells[row.id, "dtd", 1])
        assert all(one[name] != two[name] for name in one), (one, two)


def numbers(store, cell):
    """What another seed must move. Not the accuracy: two encoders may get equally many test images right."""
    with np.load(store.file(cell.evaluate, PREDICTIONS)) as arrays:
        predicted = arrays["predicted"].tolist()
    return {
        "picks": store.record(cell.sample).metrics["picks_sha256"],
        "loss": store.record(cell.pretrain).metrics["final_loss"],
        "predictions": predicted,
    }


def test_the_order_of_the_stages_does_not_matter(finished_small_run, new_session, tmp_path):
    """Stages run here as soon as their inputs are there, in a drawn order and after other draws of the generators."""
    import torch

    session, store = finished_small_run
    again = new_session(tmp_path / "runs", targets=("dtd",), rows=("X", "X+OS_simcore_5"), steps=session.query.steps)
    other, waiting, order = open_store(again.query.store), list(again.plan.stages), random.Random(0)
    while waiting:
        ready = [stage for stage in waiting if all(other.has(needed) for needed in stage.stages())]
        stage = order.choice(ready[::-1])
        torch.rand(order.randrange(1, 9))
        run_stage(Task(stage, other, again.data, "cpu", workers=1))
        waiting.remove(stage)
    actual, expected = results(other, again), results(store, session)
    assert len(actual) == 8 and actual == {label: expected[label] for label in actual}


@pytest.mark.slow
def test_two_worker_processes_give_what_one_process_gives(finished_small_run, tmp_path):
    session, store = finished_small_run
    command = [sys.executable, "-m", "benchmark", "reproduce", "--table", "2", "--profile", "smoke", "--targets", "dtd"]
    command += ["--rows", *session.query.rows, "--steps", str(session.query.steps), "--device", "cpu", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "--format", "json", "--store", str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert results(Store(tmp_path), session) == results(store, session)
