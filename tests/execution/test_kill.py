"""kill -9 at any moment: finished stages are not run again, nothing half-written is read, the table is the same."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOOKS = Path(__file__).with_name("killed_run")
# In the order in which the job comes to the first stage of each kind, so that every point is still ahead.
KINDS = ("pretrain", "evaluate", "embed", "sample", "purity")
POINTS = ("reading", "recording", "written", "renamed")
JOB = (
    "reproduce",
    "--table",
    "2",
    "--profile",
    "smoke",
    "--targets",
    "cub",
    "--rows",
    "X",
    "X+simcore(5%)",
    "--steps",
    "3",
)


def start(store, log, kill_at=None, jobs=1, job=JOB, err=subprocess.PIPE, **more):
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HOOKS}{os.pathsep}{ROOT}",
        "LOG": str(log),
        "KILL_AT": kill_at or "",
        **more,
    }
    command = [
        sys.executable,
        "-m",
        "benchmark",
        *job,
        "--store",
        str(store),
        "--jobs",
        str(jobs),
        "--device",
        "cpu",
        "--format",
        "csv",
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": err}
    # What a shell starts in the background ignores Ctrl-C and so would all that it starts: here it is to be heard.
    return subprocess.Popen(command, env=environment, text=True, preexec_fn=heed_ctrl_c, **pipes)


def heed_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def contents(store):
    """Hash of every file of every finished stage."""
    folders = [path.parent for kind in KINDS for path in (store / kind).glob("*/record.json")]
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.iterdir()
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The table and the results of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    out, err = (run := start(folder / "runs", folder / "log")).communicate(timeout=300)
    assert run.returncode == 0, err
    return out, folder / "runs"


@pytest.mark.slow
def test_twenty_kills_at_every_point_of_every_kind_of_stage_change_nothing(tmp_path, unbroken):
    store, log = tmp_path / "runs", tmp_path / "log"
    kept = {}
    for kind in KINDS:
        for point in POINTS:
            run = start(store, log, f"{kind}:{point}")
            _, err = run.communicate(timeout=300)
            assert run.returncode == -signal.SIGKILL, f"{kind}:{point} was never reached: {err}"
            now = contents(store)
            assert {name: now.get(name) for name in kept} == kept, "a finished result was touched"
            for folder in {Path(name).parent for name in now}:
                record = json.loads((store / folder / "record.json").read_text())
                assert set(record["files"]) | {"record.json"} == {path.name for path in (store / folder).iterdir()}
            kept = now
    out, err = (run := start(store, log)).communicate(timeout=300)
    assert run.returncode == 0, err
    assert out == unbroken[0]
    finished = Counter(line for line in log.read_text().splitlines() if ":renamed " in line)
    assert len(finished) == len(list(unbroken[1].glob("*/*/record.json"))) and set(finished.values()) == {1}
    assert list((store / "aside").iterdir()) == [] and list((store / "scratch").glob("*")) == []


def trained(store):
    """The weights and predictions of a store of one cell: what does not tell seconds."""
    files = [path for kind in ("pretrain", "evaluate") for path in (store / kind).glob("*/*")]
    return {str(path.relative_to(store)): path.read_bytes() for path in files if path.name != "record.json"}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["moco", "dino", "mae"])
def test_a_training_killed_in_its_midst_ends_with_the_bytes_of_an_unbroken_one(tmp_path, method):
    job = (*JOB[:5], "--targets", "cub", "--rows", "X", "--steps", "5", "--method", method)

    def run(name, kill_at=None, **more):
        log = tmp_path / f"{name}.log"
        _, err = (process := start(tmp_path / name, log, kill_at, job=job, **more)).communicate(timeout=300)
        return process.returncode, err, log.read_text()

    code, err, _ = run("unbroken")
    assert code == 0, err
    for point in ("step2", "step4"):
        code, err, _ = run("killed", f"pretrain:{point}", EVERY_STEP="yes")
        assert code == -signal.SIGKILL, f"{point} was never reached: {err}"
    code, err, log = run("killed", EVERY_STEP="yes")
    assert code == 0, err
    # Every step was done once: what was killed went on from its checkpoint. The last is saved twice, at its end too.
    steps = [line.split()[0] for line in log.splitlines() if ":step" in line]
    assert steps == [f"pretrain:step{step}" for step in (1, 2, 3, 4, 5, 5)]
    files, expected = trained(tmp_path / "killed"), trained(tmp_path / "unbroken")
    assert files.keys() == expected.keys() and len(files) >= 3
    assert [name for name in files if files[name] != expected[name]] == []


@pytest.mark.slow
def test_two_runs_at_once_share_the_work_and_both_finish(tmp_path, unbroken):
    store, log = tmp_path / "runs", tmp_path / "log"
    runs = [start(store, log) for _ in range(2)]
    outs = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outs
    assert outs[0][0] == outs[1][0] == unbroken[0]
    finished = Counter(line for line in log.read_text().splitlines() if ":renamed " in line)
    assert set(finished.values()) == {1}


def workers_of(process):
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
    return [int(line) for line in listed.stdout.split()]


def wait_for(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(processes):
    return [child for child in processes if Path(f"/proc/{child}/exe").exists()]


class Waiting:
    """A run that waits at a point, with what it has said so far."""

    def __init__(self, folder, point, job=JOB):
        self.log, self._err = folder / "log", folder / "err"
        self.log.write_text("")
        Path(f"{self.log}.go").unlink(missing_ok=True)
        more = {"WAIT_AT": point, "STEPS": "yes"}
        with self._err.open("w") as err:
            self.process = start(folder / "runs", self.log, job=job, err=err, **more)
        wait_for(lambda: f"{point} " in self.log.read_text() or self.process.poll() is not None)
        self.workers = workers_of(self.process)
        assert self.workers

    def said(self):
        return self._err.read_text()

    def signal(self, number, answer=""):
        self.process.send_signal(number)
        wait_for(lambda: "stopping: " in self.said() or self.process.poll() is not None)
        assert answer in self.said()

    def go_on(self):
        Path(f"{self.log}.go").touch()

    def end(self):
        """The exit code. No worker is left."""
        # Not communicate(): it waits for Python's own helper processes too, which hold the same standard error.
        code = self.process.wait(timeout=120)
        wait_for(lambda: not alive(self.workers))
        return code

    def points(self, name):
        """The numbers of the steps at which the points called `name` were passed, in their order."""
        reached = [line.split()[0].partition(":")[2] for line in self.log.read_text().splitlines()]
        return [int(point.removeprefix(name)) for point in reached if point.startswith(name)]


@pytest.fixture
def waiting():
    """`Waiting` whose runs are ended with the test, however that ends."""
    runs = []

    def start_one(*arguments):
        runs.append(Waiting(*arguments))
        return runs[-1]

    yield start_one
    for run in runs:
        run.process.kill()
        run.process.stdout.close()
        run.end()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_what_cannot_save_anything_at_once_and_says_how_to_go_on(tmp_path, waiting, number, code):
    run = waiting(tmp_path, "pretrain:reading")
    run.signal(number)
    assert run.end() == code
    assert "give the same command again to go on" in run.said() and "Traceback" not in run.said()


@pytest.mark.slow
def test_a_training_stopped_by_signals_saves_its_step_and_ends_with_the_bytes_of_an_unbroken_one(
    tmp_path, waiting, unbroken
):
    job = (*JOB[:5], "--targets", "cub", "--rows", "X", "--steps", "3")
    # Ended at once by the second signal: nothing is saved.
    run = waiting(tmp_path, "pretrain:took2", job)
    run.signal(signal.SIGTERM, "stopping: a training finishes its step and is saved; once more ends at once")
    run.signal(signal.SIGINT)
    assert run.end() == 130 and run.points("step") == [] and "Traceback" not in run.said()
    # Stopped by the first: the step at hand is the last one, and it is saved.
    run = waiting(tmp_path, "pretrain:took2", job)
    run.signal(signal.SIGINT, "stopping: ")
    run.go_on()
    assert run.end() == 130 and run.points("took") == [1, 2] and run.points("step") == [2]
    assert "is saved at step 2 of 3" in run.said() and "give the same command again to go on" in run.said()
    # What is sent to workers, as a cluster that ends a job does, is for the run to hear.
    run = waiting(tmp_path, "pretrain:took3", job)
    for worker in run.workers:
        os.kill(worker, signal.SIGTERM)
        os.kill(worker, signal.SIGINT)
    run.go_on()
    assert run.end() == 0 and run.points("took") == [3] and "goes on from step 2 of 3" in run.said()
    files, expected = trained(tmp_path / "runs"), trained(unbroken[1])
    assert len(files) >= 3 and [name for name in files if files[name] != expected[name]] == []
    (path,) = (tmp_path / "runs/pretrain").glob("*/record.json")
    assert json.loads(path.read_text())["info"]["resumed"] == [2]


@pytest.mark.slow
def test_workers_die_with_a_killed_run(tmp_path):
    store, log = tmp_path / "runs", tmp_path / "log"
    run = start(store, log)
    wait_for(lambda: log.exists() and "pretrain:reading" in log.read_text())
    children = workers_of(run)
    run.kill()
    run.communicate(timeout=30)
    assert children
    wait_for(lambda: not any(Path(f"/proc/{child}/exe").exists() for child in children), 10)
