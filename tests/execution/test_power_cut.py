"""What survives a power cut: bytes are on the disk before their name is, and the name is before work goes on.

A disk keeps what was synced. The calls of os.fsync and of the renames are written down here with the inode of each,
which a rename does not change.
"""

import os

import numpy as np
import pytest

from benchmark import system
from benchmark.execution import worker
from benchmark.execution.store import open_store
from benchmark.execution.task import StageResult, Task
from benchmark.images.growing import growing_rows
from benchmark.specs.stages import Images, Stage
from benchmark.stages import sample
from benchmark.stages.sample import KIND, RandomSampling, SampleSpec
from benchmark.system import make_folder, place_aside, write_atomically


def inode(path):
    return path.stat().st_ino


@pytest.fixture
def calls(monkeypatch):
    """("sync", inode), ("name", inode) and ("made", inode) of every call so far, in order."""
    made = []

    def fsync(descriptor, original=os.fsync):
        made.append(("sync", os.fstat(descriptor).st_ino))
        original(descriptor)

    def naming(original):
        def name(source, target, **more):
            number = os.lstat(source).st_ino
            original(source, target, **more)
            made.append(("name", number))

        return name

    def mkdir(path, *more, original=os.mkdir, **named):
        original(path, *more, **named)
        made.append(("made", os.lstat(path).st_ino))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", naming(os.rename))
    monkeypatch.setattr(os, "replace", naming(os.replace))
    monkeypatch.setattr(os, "mkdir", mkdir)
    return made


def assert_survives(calls, path, *inside):
    """All of `inside` and `path` itself synced before `path` got its name, and the folder with the name after that."""
    named = max(place for place, call in enumerate(calls) if call == ("name", inode(path)))
    for one in (*inside, path):
        assert ("sync", inode(one)) in calls[:named], f"{one} had no name on the disk, or no content"
    assert ("sync", inode(path.parent)) in calls[named:], f"{path.parent} was not synced after the rename"


def assert_made(calls, folder):
    """The folder above was synced after the folder was made."""
    made = max(place for place, call in enumerate(calls) if call == ("made", inode(folder)))
    assert ("sync", inode(folder.parent)) in calls[made:], f"{folder} was made and {folder.parent} not synced"


def a_stage():
    images = Images("opensets", "pool", "train", "m" * 64, 10)
    return Stage(KIND, SampleSpec(sampling=RandomSampling(), budget=3, seed=0), (("openset", images),), "a draw")


def test_a_stage_is_on_the_disk_with_its_name_before_it_counts_as_finished(tmp_path, calls, monkeypatch):
    def run(task, folder):
        (folder / "below").mkdir()
        (folder / "below" / "picks.txt").write_text("a\n")
        return StageResult()

    monkeypatch.setattr(sample, "run", run)
    store, stage = open_store(tmp_path / "runs"), a_stage()
    scratch = store.scratch(stage)
    assert_survives(calls, scratch / "stage.json")
    assert_made(calls, scratch)
    assert worker.attempt(Task(stage, store, None, "cpu")).status == "done"
    folder = store.folder("sample", stage.key)
    inside = [folder / name for name in ("spec.json", "record.json", "below", "below/picks.txt")]
    assert_survives(calls, folder, *inside)
    assert_made(calls, folder.parent)
    assert_made(calls, store.root)
    assert set(store.record(stage).files) == {"spec.json", "below/picks.txt"}


def test_checkpoints_go_only_when_the_result_is_on_the_disk(tmp_path, calls, monkeypatch):
    """Until then a power cut would cost both."""
    import benchmark.execution.store

    store, stage = open_store(tmp_path / "runs"), a_stage()
    scratch, removed = store.scratch(stage), []
    remove = benchmark.execution.store.shutil.rmtree

    def rmtree(path, **more):
        if path == scratch:
            removed.append(len(calls))
        remove(path, **more)

    monkeypatch.setattr(benchmark.execution.store.shutil, "rmtree", rmtree)
    with store.writing(stage):
        pass
    kind = ("sync", inode(store.root / "sample"))
    assert len(removed) == 1 and kind in calls[: removed[0]] and not scratch.exists()


def test_a_file_that_is_replaced_survives(tmp_path, calls):
    write_atomically(tmp_path / "file.json", "old")
    write_atomically(tmp_path / "file.json", "new")
    assert_survives(calls, tmp_path / "file.json")


def test_a_folder_that_is_placed_survives_and_targets_of_its_links_do_not_change(tmp_path, calls):
    image = tmp_path / "image.png"
    image.write_text("an image")
    with place_aside(tmp_path / "out") as folder:
        make_folder(folder / "deep")
        (folder / "deep" / "file").write_text("a")
        (folder / "link").symlink_to(image)
    out = tmp_path / "out"
    assert_survives(calls, out, out / "deep", out / "deep" / "file")
    assert ("sync", inode(image)) not in calls


def test_a_checkpoint_survives(tmp_path, calls):
    import torch

    from benchmark.training import checkpoint

    checkpoint.write(tmp_path / "weights.safetensors", {"a": torch.zeros(3)}, {})
    assert_survives(calls, tmp_path / "weights.safetensors")


def test_decoded_images_survive(tmp_path, calls):
    with growing_rows(tmp_path / "pixels" / "name", (2, 3)) as rows:
        for number in range(2):
            rows.add(np.full(3, number, np.uint8))
    assert_survives(calls, rows.path)
    assert_made(calls, tmp_path / "pixels")
    assert np.load(rows.path).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_rows_that_are_still_being_written_are_on_the_disk_before_their_number(tmp_path, monkeypatch):
    """Whoever goes on after a power cut would otherwise take rows for written that are not."""
    states, fsync = [], os.fsync

    def watched(descriptor):
        fsync(descriptor)
        states.append([(path.stat().st_size, path.read_bytes()[:128]) for path in (tmp_path / "pixels").glob("*")])

    with growing_rows(tmp_path / "pixels" / "name", (1, 3)) as rows:
        rows.add(np.zeros(3, np.uint8))
        monkeypatch.setattr(os, "fsync", watched)
        rows.settle()
        monkeypatch.undo()
    before, after = (max(state) for state in states)
    assert before[0] == after[0] and b"(0, 3)" in before[1] and b"(1, 3)" in after[1]


def test_a_file_system_that_cannot_sync_folders_is_put_up_with_and_a_failing_disk_is_not(tmp_path, monkeypatch):
    def fail(number):
        def fsync(descriptor):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    fail(system.errno.EINVAL)
    system.sync(tmp_path)
    fail(system.errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        system.sync(tmp_path)
