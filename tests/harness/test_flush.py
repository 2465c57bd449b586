"""What a rename makes visible is on the disk before: files of stages, checkpoints, decoded images."""

import os
from pathlib import Path

import pytest
import torch

from benchmark.execution.store import open_store
from benchmark.images.data import Data
from benchmark.specs.stages import Images, Stage
from benchmark.stages.sample import Draw, RandomSampling
from benchmark.training import checkpoint


@pytest.fixture
def synced(monkeypatch):
    """The inodes that the disk was asked to have, and whether `synced.final` was there by then."""

    class Synced(list):
        final = None

        def __call__(self, descriptor):
            status = os.fstat(descriptor if isinstance(descriptor, int) else descriptor.fileno())
            self.append((status.st_ino, self.final.exists()))

        def before_the_rename(self, path):
            return (path.stat().st_ino, False) in self

    found = Synced()
    monkeypatch.setattr(os, "fsync", found)
    return found


def test_all_files_of_a_stage_are_on_the_disk_before_it_is_finished(tmp_path, synced):
    store = open_store(tmp_path / "runs")
    images = Images("opensets", "pool", "train", "m" * 64, 10)
    stage = Stage("sample", Draw(sampling=RandomSampling(), budget=3, seed=0), (("openset", images),), "a draw")
    synced.final = store.folder(stage.kind, stage.key)
    with store.writing(stage) as folder:
        (folder / "deep").mkdir()
        for name in ("picks.txt", "deep/map.png", "record.json"):
            (folder / name).write_text("{}")
    files = [path for path in synced.final.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"picks.txt", "map.png", "record.json", "spec.json"}
    assert all(synced.before_the_rename(path) for path in files)


def test_a_checkpoint_is_on_the_disk_before_it_takes_the_place_of_the_last_one(tmp_path, synced):
    synced.final = tmp_path / "weights.safetensors"
    checkpoint.write(synced.final, {"a": torch.zeros(2)}, {})
    assert synced.before_the_rename(synced.final)


def test_decoded_images_are_on_the_disk_before_they_are_read(tmp_path, synced):
    data = Data(None, standins=True, cache=tmp_path / "runs")
    # Nothing of it is there yet: neither the folder nor the file.
    synced.final = tmp_path / "runs" / "pixels"
    squares = data.squares(data.images("targets", "dtd", "test"), 8)
    (inode, _) = synced[-1]
    assert squares.shape == (60, 8, 8, 3) and Path(squares.filename).stat().st_ino == inode
