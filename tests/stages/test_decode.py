"""The stage `decode` leaves in the store what comparisons and features read: they then open no image."""

import pytest
from noise_folders import save_noise

from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.images import looks, square_cache
from benchmark.images.data import Data
from benchmark.images.sources import NamedFolders
from benchmark.stages.decode import decode_stage


@pytest.mark.parametrize("stored", [16, None])
def test_what_was_decoded_is_not_decoded_again(tmp_path, monkeypatch, stored):
    for number in range(5):
        save_noise(tmp_path / "pool" / f"{number}.png", number, "blue")
    pool, store = str(tmp_path / "pool"), open_store(tmp_path / "runs")
    data = Data(NamedFolders(), False, store.root)
    data.read([("opensets", pool, "train")])
    images = data.images("opensets", pool, "train")
    stage = decode_stage(images, stored)
    run_stage(Task(stage, store, data, "cpu"))
    assert store.record(stage).metrics == {"images": 5}
    monkeypatch.setattr(looks, "decoded", None)
    monkeypatch.setattr(square_cache, "square", None)
    assert looks.look_at_split(data.find("opensets", pool), store.root).rows["readable"].all()
    if stored is None:
        with pytest.raises(TypeError):
            data.squares(images, 16)
    else:
        assert data.squares(images, stored).shape == (5, stored, stored, 3)
