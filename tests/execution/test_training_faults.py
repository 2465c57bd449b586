"""What may go wrong in a training: numbers that are none, memory that is short, a batch larger than the data."""

import os
import signal
from functools import partial
from multiprocessing import Pipe

import pytest
import torch
from safetensors.torch import load_file

from benchmark.execution import memory
from benchmark.execution.display import make_screen
from benchmark.execution.engines import local
from benchmark.execution.engines.local import LocalEngine, Worker, how_it_ended
from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import Context, attempt
from benchmark.planning.profiles import PROFILES
from benchmark.pretrain import train as pretraining
from benchmark.pretrain import train as training
from benchmark.report.collect import collect
from benchmark.specs.recipes import SGD
from benchmark.specs.stages import Stage
from benchmark.training import checkpoint


def one_cell(new_session, root, **fields):
    """A session of X on one target, its training stage and its store."""
    session = new_session(root, **{"targets": ("dtd",), "rows": ("X",), "steps": (6,), **fields})
    (cell,) = session.plan.cells
    return session, cell.pretrain, open_store(root)


def try_stage(session, stage, store):
    return attempt(Task(stage, store, session.data, "cpu"))


def with_rate(stage, rate, decay=0.0):
    """The training with plain SGD at a learning rate that rises to `rate`."""
    sgd = SGD(lr=rate, momentum=0.0, nesterov=False, weight_decay=decay)
    recipe = stage.spec.recipe.model_copy(update={"optimiser": sgd})
    return Stage(stage.kind, stage.spec.model_copy(update={"recipe": recipe}), stage.inputs, stage.label)


@pytest.mark.parametrize("method", ["simclr", "byol"])
def test_a_training_that_diverges_fails_and_keeps_its_last_good_checkpoint(new_session, tmp_path, monkeypatch, method):
    monkeypatch.setattr(pretraining, "train", partial(training.train, checkpoint_every=0.0))
    session, stage, store = one_cell(new_session, tmp_path / "runs", method=method)
    stage = with_rate(stage, 1e18)
    report = try_stage(session, stage, store)
    last = report.message.strip().splitlines()[-1]
    assert report.status == "failed" and store.crash(stage.key).traceback == report.message and not store.has(stage)
    assert "DivergedError: the loss is nan at step " in last and "losses before: " in last and "; lr " in last
    step = int(last.partition("at step ")[2].partition(";")[0])
    kept = load_file(store.scratch(stage) / checkpoint.FILE)
    assert step >= 1 and len(kept["losses"]) == step
    assert all(bool(tensor.isfinite().all()) for name, tensor in kept.items() if name.startswith("learner/"))
    # The same again: it goes on from there and comes to the same end.
    assert try_stage(session, stage, store).message.strip().splitlines()[-1] == last


def test_weights_that_the_last_step_ruins_are_no_encoder(new_session, tmp_path):
    session, stage, store = one_cell(new_session, tmp_path / "runs", steps=(1,))
    report = try_stage(session, with_rate(stage, 1e30, decay=1e30), store)
    assert report.status == "failed" and "the weights are no numbers at step 0; losses before: " in report.message


CASES = [
    (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."), memory.GPU, "more devices"),
    (RuntimeError("CUDA error: out of memory\nCompile with"), memory.GPU, "smaller network"),
    (MemoryError(), memory.HOST, "--jobs"),
    (
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"),
        memory.HOST,
        "--jobs",
    ),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), memory.HOST, "--jobs"),
    (OSError(12, "Cannot allocate memory"), memory.HOST, "--jobs"),
]


@pytest.mark.parametrize(("error", "last_line", "way_out"), CASES)
def test_short_memory_is_a_failed_stage_that_says_what_to_lower(
    new_session, tmp_path, monkeypatch, error, last_line, way_out
):
    def short(*_args, **_options):
        raise error

    monkeypatch.setattr(pretraining, "train", short)
    session, stage, store = one_cell(new_session, tmp_path / "runs")
    report = try_stage(session, stage, store)
    assert report.status == "failed" and report.message.strip().splitlines()[-1] == last_line and way_out in last_line
    # What a table shows of it is that line.
    (cell,) = collect(session.values(), session.store).cells
    assert cell.state == "failed" and cell.reason.endswith(last_line)


def test_other_errors_get_no_such_advice():
    assert memory.advice(RuntimeError("shapes do not match")) is None and memory.advice(KeyError("x")) is None


class Dead:
    """A worker process that the system killed."""

    pid, returncode = 0, -signal.SIGKILL

    def wait(self, timeout=None):
        pass


def test_a_killed_worker_is_a_failed_stage_that_says_what_to_lower(new_session, tmp_path, monkeypatch):
    session, stage, store = one_cell(new_session, tmp_path / "runs")
    executor = LocalEngine(store, Context(store.root, session.data, "cpu"), 1, make_screen())
    worker = Worker(Dead(), pipe=None, stage=stage)
    monkeypatch.setattr(worker, "kill", lambda: None)
    executor._workers.append(worker)
    report = executor._bury(worker, stage)
    assert report.status == "failed" and len(report.message.splitlines()) == 1 and "(SIGKILL)" in report.message
    assert memory.HOST in report.message and store.crash(stage.key).traceback == report.message


def test_a_worker_that_is_killed_in_the_midst_of_a_message_is_a_failed_stage(new_session, tmp_path, monkeypatch):
    session, stage, store = one_cell(new_session, tmp_path / "runs")
    executor = LocalEngine(store, Context(store.root, session.data, "cpu"), 1, make_screen())
    pipe, other = Pipe()
    # The head of a message of a hundred bytes, and three of them.
    os.write(other.fileno(), (100).to_bytes(4, "big") + b"abc")
    other.close()
    worker = Worker(Dead(), pipe=pipe, stage=stage)
    monkeypatch.setattr(worker, "kill", pipe.close)
    executor._workers.append(worker)
    executor._hear(worker)
    assert executor.states == {stage.key: "failed"} and "(SIGKILL)" in store.crash(stage.key).traceback


def test_the_exit_code_of_a_worker_says_how_it_ended():
    assert how_it_ended(-signal.SIGABRT) == "the worker process died of SIGABRT"
    assert how_it_ended(-signal.SIGSEGV) == "the worker process died of SIGSEGV"
    assert how_it_ended(-40) == "the worker process died of signal 40"
    assert "exited by itself with code 0" in how_it_ended(0) and "with code 9" in how_it_ended(9)
    assert [code for code in (None, 0, 1, 9, 137, -6, -11, -15, -9) if memory.HOST in how_it_ended(code)] == [-9]


def test_a_worker_that_dies_before_its_first_stage_is_a_failed_stage(new_session, tmp_path, monkeypatch):
    # A real process, which ends at once.
    monkeypatch.setattr(local, "_CODE", "import sys; sys.exit(7)")
    session = new_session(tmp_path, targets=("dtd",), rows=("X",), steps=(1,))
    store = open_store(tmp_path)
    executor = LocalEngine(store, Context(store.root, session.data, "cpu"), 1, make_screen())
    states = executor.run(session.plan.stages)
    assert sorted(states.values()) == ["failed", "skipped"]
    (crash,) = store.failures()
    assert "exited by itself with code 7" in crash.reason


def test_a_batch_larger_than_the_data_is_all_of_them_and_is_said_once(new_session, run_here, tmp_path, monkeypatch):
    smoke = PROFILES["smoke"]
    larger = smoke.model_copy(update={"scale": smoke.scale.model_copy(update={"batch": 128})})
    monkeypatch.setitem(PROFILES, "smoke", larger)
    session = new_session(tmp_path / "runs", targets=("dtd", "cub"), rows=("X",), steps=(2,))
    store = run_here(session)
    note = "a batch of 128 is larger than the data: every batch was all of the images"
    for cell in session.plan.cells:
        record = store.record(cell.pretrain)
        assert (
            record.info["notes"] == [note] and record.metrics["samples"] == 2 * record.metrics["target_images"] == 200
        )
    assert collect(session.values(), session.store).warnings == (f"{note} (in 2 trainings)",)
