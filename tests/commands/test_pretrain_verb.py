"""`pretrain`: X and a list of picks to an encoder that timm loads; the stages of a table; what is refused."""

import json
from dataclasses import replace

import pytest
from noise_folders import save_noise

import benchmark
from benchmark.commands._pretrained import PretrainingRequest, prepare, read
from benchmark.errors import UserError
from benchmark.execution.run import Machine
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.stages.sample.id_list import list_text, pool_of
from benchmark.system import file_sha256

CPU = Machine("cpu")


@pytest.fixture
def data_root(tmp_path):
    """A target with two splits and a pool, in the layout of a data root."""
    for number in range(12):
        name = f"class{number % 2}/{number}.png"
        for split in ("train", "test"):
            save_noise(tmp_path / "targets" / "birds" / split / name, number + 50 * (split == "test"), "blue")
        save_noise(tmp_path / "opensets" / "mixed" / "train" / name, 100 + number, "red")
    return tmp_path


def write_list(path, pool, ids=("class0/2.png", "class1/5.png", "class0/8.png")):
    path.write_text(list_text(ids, "by hand", str(pool) if pool else ""))
    return path


@pytest.mark.parametrize("selected", [True, False])
def test_the_training_is_that_of_a_tables_row(data_root, tmp_path, selected):
    pool, store = data_root / "opensets" / "mixed" / "train", tmp_path / "runs"
    picks = write_list(tmp_path / "picks.txt", pool)
    target = str(data_root / "targets" / "birds" / "train")
    job = read(prepare(PretrainingRequest(target, tmp_path / "out", picks if selected else None, store=store), CPU))
    row = f"X+{picks}(stop)" if selected else "X"
    table = PlannedTable(
        Query("2", profile="mini", targets=("birds",), openset="mixed", rows=(row,), data_root=data_root, store=store)
    )
    table.data.read([("targets", "birds", "train"), ("targets", "birds", "test"), ("opensets", "mixed", "train")])
    (cell,) = table.cells.values()
    assert job.training.resolved and job.training.key == cell.pretrain.key
    # Picks that are given need no features: no other encoder is trained for them.
    assert not any(stage.kind.name in ("pretrain", "embed") for stage in job.training.stages())


def test_the_encoder_is_one_that_timm_loads(without_workers, folders, store, tmp_path):
    import timm

    picks = write_list(tmp_path / "picks.txt", folders / "pool", ("part0/00.png", "part1/03.png"))
    options = {"profile": "smoke", "method": "byol", "steps": 1, "store": store, "device": "cpu"}
    encoder = benchmark.pretrain_encoder(folders / "mine", tmp_path / "encoder", picks, **options)
    architecture = json.loads((encoder.out / "config.json").read_text())["architecture"]
    timm.create_model(architecture, num_classes=0, checkpoint_path=str(encoder.out / "model.safetensors"))
    card = (encoder.out / "README.md").read_text()
    assert "BYOL" in card and str(encoder.out) in encoder.text


def test_a_training_starts_from_the_weights_that_are_named(folders, tmp_path):
    """As the rows of a table do that start from weights."""
    import timm
    import torch

    weights = tmp_path / "weights.pth"
    torch.save(timm.create_model("test_resnet").state_dict(), weights)
    fields = {"target": str(folders / "mine"), "out": tmp_path / "out", "profile": "smoke", "store": tmp_path / "runs"}
    started = PretrainingRequest(**fields, initial_weights=f"timm:test_resnet={weights}")
    job = prepare(started, CPU)
    assert job.training.input("initial").spec.sha256 == file_sha256(weights)
    assert job.planner.names.local == {file_sha256(weights): str(weights)}
    assert prepare(PretrainingRequest(**fields), CPU).training.input("initial") is None
    with pytest.raises(UserError, match="do not fit"):
        prepare(replace(started, backbone="resnet10t"), CPU)
    with pytest.raises(UserError, match="--initial-weights takes"):
        prepare(replace(started, initial_weights="random"), CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"selection": "absent.txt"}, "there is no file 'absent.txt'"),
        ({"selection": None, "pool": "pool"}, "without --selection"),
        ({"out": "mine"}, "exists already"),
        ({"method": "simclrr"}, "simclrr"),
        ({"backbone": "resnet5o"}, "resnet5o"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_read(folders, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(folders)
    write_list(tmp_path / "picks.txt", "pool", ("part0/00.png",))
    fields = {"target": "mine", "out": tmp_path / "out", "selection": tmp_path / "picks.txt", "store": tmp_path / "s"}
    with pytest.raises(UserError, match=message):
        benchmark.pretrain_encoder(**{**fields, **change})
    assert not (tmp_path / "s").exists() and not (tmp_path / "out").exists()


def test_a_list_says_its_pool_or_the_command_does(folders, tmp_path):
    picks = write_list(tmp_path / "picks.txt", None, ("part0/00.png", "part9/00.png"))
    request = PretrainingRequest(str(folders / "mine"), tmp_path / "out", picks, store=tmp_path / "runs")
    assert pool_of(picks) is None
    with pytest.raises(UserError, match="does not say which pool its picks are from: give --pool"):
        prepare(request, CPU)
    named = PretrainingRequest(**{**vars(request), "pool": str(folders / "pool")})
    with pytest.raises(UserError, match=r"1 of its 2 ids are not in the pool, the first is 'part9/00.png'"):
        read(prepare(named, CPU))
