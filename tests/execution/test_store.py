"""The store: whole results or none, whatever happens to the writer."""

import errno
import hashlib
import multiprocessing
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.errors import UserError
from benchmark.execution import worker
from benchmark.execution.record import Record, digests, write_record
from benchmark.execution.store import Store, open_store
from benchmark.execution.task import StageResult, Task
from benchmark.specs import stages
from benchmark.specs.stages import Images, Stage
from benchmark.stages.sample import KIND, RandomSampling, SampleSpec
from benchmark.system import write_atomically
from benchmark.training import features as embed


def stage(seed=0):
    images = Images("opensets", "pool", "train", "m" * 64, 10)
    return Stage(KIND, SampleSpec(sampling=RandomSampling(), budget=3, seed=seed), (("openset", images),), "a draw")


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "runs")


def task(store, seed=0):
    return Task(stage(seed), store, data=None, device="cpu")


@pytest.fixture
def code(monkeypatch):
    """Replaces the stage's code: `code(function)`."""

    def use(function):
        module = type("module", (), {"run": staticmethod(function)})
        monkeypatch.setattr(stages.importlib, "import_module", lambda name: module)

    return use


def write_a_file(task, folder):
    (folder / "picks.txt").write_text("a\n")
    return StageResult(metrics={"size": 1}, info={"why": "a test"})


def finish(folder, why):
    """Write the record of the stage whose files are in the folder."""
    one = stage()
    write_record(folder, Record(one.kind.name, one.key, one.identity, {}, {"why": why}, {}, 1.0, 1.0, digests(folder)))


def test_a_finished_stage_has_its_files_and_a_record_that_explains_it(store, code):
    code(write_a_file)
    assert not store.has(stage())
    assert worker.attempt(task(store)).status == "done"
    record = store.record(stage())
    assert store.has(stage()) and store.file(stage(), "picks.txt").read_text() == "a\n"
    assert record.metrics == {"size": 1} and record.identity == stage().identity and record.key == stage().key
    assert record.files == {"picks.txt": hashlib.sha256(b"a\n").hexdigest(), "spec.json": stage().key}
    assert {"packages", "git", "hardware"} == set(record.environment) and record.peak_memory_mb > 0
    assert Record.from_json(record.to_json()) == record


def test_a_finished_stage_is_not_run_again(store, code):
    code(write_a_file)
    worker.attempt(task(store))
    code(lambda task, folder: pytest.fail("run a second time"))
    assert worker.attempt(task(store)).status == "done"


def test_a_crash_leaves_a_record_of_it_and_no_result_and_can_be_tried_again(store, code):
    def crash(task, folder):
        (folder / "picks.txt").write_text("half")
        raise RuntimeError("the reason")

    code(crash)
    report = worker.attempt(task(store))
    assert report.status == "failed" and "the reason" in report.message
    assert not store.has(stage()) and "the reason" in store.crash(stage().key).traceback
    assert list((store.root / "aside").iterdir()) == []
    code(write_a_file)
    assert worker.attempt(task(store)).status == "done"
    assert store.crash(stage().key) is None


def test_a_full_disk_is_a_clear_error_and_leaves_the_stage_unfinished_and_the_store_readable(store, code):
    code(write_a_file)
    worker.attempt(task(store, seed=1))

    def fill(task, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    code(fill)
    report = worker.attempt(task(store))
    assert report.status == "refused" and "disk full" in report.message and str(store.root) in report.message
    assert not store.has(stage()) and store.crash(stage().key) is None
    assert store.record(stage(1)).metrics == {"size": 1}


def test_any_error_on_a_full_disk_is_a_full_disk(store, code, monkeypatch):
    def crash(task, folder):
        raise RuntimeError("an error without a number")

    code(crash)
    assert worker.attempt(task(store)).status == "failed"
    monkeypatch.setattr(worker.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    report = worker.attempt(task(store))
    assert report.status == "refused" and "disk full" in report.message


def test_a_crash_that_cannot_be_written_down_is_still_reported(store, code, monkeypatch):
    def crash(task, folder):
        raise RuntimeError("the reason")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    code(crash)
    monkeypatch.setattr(sys.modules[Store.__module__], "write_atomically", full)
    report = worker.attempt(task(store))
    assert report.status == "failed" and "the reason" in report.message and store.crash(stage().key) is None


def test_the_file_of_features_takes_its_room_before_any_work(tmp_path, monkeypatch):
    whole = embed._empty(tmp_path / "features.npy", (1000, 512))
    size = (tmp_path / "features.npy").stat()
    assert size.st_blocks * 512 >= size.st_size > whole.nbytes and not whole.any()
    monkeypatch.delattr(embed.os, "posix_fallocate", raising=False)
    embed._empty(tmp_path / "zeros.npy", (1000, 512)).flush()
    assert (tmp_path / "zeros.npy").read_bytes() == (tmp_path / "features.npy").read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(embed.os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space"):
        embed._empty(tmp_path / "none.npy", (10, 512))


def test_a_mistake_of_the_user_is_passed_on_as_it_is(store, code):
    def refuse(task, folder):
        raise UserError("the pool has changed")

    code(refuse)
    assert worker.attempt(task(store)) == worker.Report("refused", "the pool has changed")


def hold(root, claimed, release):
    with Store(root).claim(stage().key) as is_claimed:
        assert is_claimed
        claimed.set()
        release.wait(30)


def test_a_stage_that_another_process_holds_is_left_to_it_until_that_ends(store, code):
    context = multiprocessing.get_context("fork")
    claimed, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(store.root, claimed, release))
    other.start()
    assert claimed.wait(30)
    code(write_a_file)
    assert worker.attempt(task(store)).status == "busy"
    other.kill()
    other.join()
    assert worker.attempt(task(store)).status == "done"


def test_of_two_writers_of_one_key_the_first_wins_and_both_are_content(store):
    with store.writing(stage()) as first:
        finish(first, "the first to begin")
        with Store(store.root).writing(stage()) as second:
            finish(second, "the first to end")
    assert Store(store.root).record(stage()).info == {"why": "the first to end"}
    assert list((store.root / "aside").iterdir()) == []


def test_a_writer_killed_between_write_and_rename_leaves_nothing_that_is_read(store):
    script = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import importlib.util
spec = importlib.util.spec_from_file_location("this", sys.argv[3])
this = importlib.util.module_from_spec(spec); spec.loader.exec_module(this)
from benchmark.execution.store import Store
store = Store(Path(sys.argv[1]))
store._publish = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
with store.writing(this.stage()) as folder:
    (folder / "record.json").write_text("{}")
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(store.root), str(root), __file__])
    assert done.returncode == -9
    assert not store.has(stage()) and len(list((store.root / "aside").iterdir())) == 1
    again = open_store(store.root)
    assert not again.has(stage()) and list((store.root / "aside").iterdir()) == []


def test_the_folder_of_a_living_writer_is_not_cleared_away(store):
    with store.claim(stage().key), store.writing(stage()) as folder:
        open_store(store.root)
        assert folder.is_dir()


def test_what_a_dead_writer_left_is_cleared_away_whatever_process_and_machine_it_was(store):
    left = store.root / "aside" / f"{stage().key}.another-machine.1"
    left.mkdir()
    open_store(store.root)
    assert not left.exists()


def test_what_a_kill_after_the_rename_left_of_a_finished_stage_is_cleared_away(store, code):
    code(write_a_file)
    worker.attempt(task(store))
    for number in (0, 1):
        (store.scratch(stage(number)) / "checkpoint").write_text("half")
        store.fail(stage(number), "the reason", {})
    # As of a run that crashed before this one finished the stage.
    crash = (store.root / "failed" / f"{stage(1).key}.json").read_text().replace(stage(1).key, stage().key)
    (store.root / "failed" / f"{stage().key}.json").write_text(crash)
    again = open_store(store.root)
    assert not (store.root / "scratch" / stage().key).exists() and again.crash(stage().key) is None
    assert [entry.key for entry in again.checkpoints()] == [stage(1).key]
    assert again.crash(stage(1).key).traceback == "the reason"


def test_a_folder_without_a_record_makes_room_for_the_result(store, code):
    broken = store.folder("sample", stage().key)
    broken.mkdir(parents=True)
    (broken / "half.txt").write_text("half")
    code(write_a_file)
    assert worker.attempt(task(store)).status == "done"
    assert store.has(stage()) and not (broken / "half.txt").exists()
    assert [path.read_text() for path in (store.root / "damaged").glob("*/half.txt")] == ["half"]
    assert list((store.root / "aside").iterdir()) == []


def test_an_atomic_write_that_fails_leaves_the_old_text(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_atomically(path, "old")

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_store_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write the store .*--store"):
        open_store(tmp_path / "runs")
