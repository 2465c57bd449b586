"""`sample` on two folders of images, through the command line: what it writes, what it reuses, what it refuses."""

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import datasets
import numpy as np
import pytest
from noise_folders import POOL, commands, picks, save_noise
from PIL import Image

from benchmark.__main__ import main
from benchmark.commands.sample import command as job
from benchmark.execution.store import Store


def test_ids_scores_and_card_tell_the_same_story(sampled, folders, tmp_path):
    code, out = sampled("--budget", "10%")
    ids = picks(tmp_path / "coreset.txt")
    assert code == 0 and len(ids) == POOL // 10 == len(set(ids))
    assert all((folders / "pool" / item).is_file() for item in ids)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "coreset.csv").read_text())))
    assert [row["id"] for row in rows] == ids and [row["rank"] for row in rows] == [str(i + 1) for i in range(6)]
    assert all(0 < float(row["score"]) <= 1 for row in rows)
    # Digits of float32, without those that float64 adds.
    assert all(row["score"] == str(np.float32(row["score"])) for row in rows)
    card = (tmp_path / "coreset.md").read_text()
    assert card == out.out
    assert f"{POOL} images" in card and "12 images" in card and "6 images, 10.00 % of the pool" in card
    assert "| coverage radius" in card
    assert "* encoder: pretrained on the target by SimCLR on " in card
    assert f"* target: {folders / 'mine'}, 12 images" in card and f"* pool: {folders / 'pool'}, 60 images" in card
    assert "opensets/" not in out.err + card


def test_it_ends_with_what_was_written_and_with_commands_that_work(sampled, tmp_path):
    _, out = sampled("--budget", "5")
    names = ("coreset.txt", "coreset.csv", "coreset.md", "coreset.curve.png")
    assert [line for line in out.err.splitlines() if line.startswith("wrote ")] == [
        f"wrote {tmp_path / name}" for name in names
    ]
    printed = commands(out.err)
    assert list(printed) == [
        "next, draw the nearest and the farthest picks:",
        "next, another budget:",
        "next, another sampler, as many images:",
        "next, pretrain on your images and the coreset:",
    ]
    for words in printed.values():
        assert words[:3] == ["python", "-m", "benchmark"]
        words += ["--steps", "2"] if words[3] == "pretrain" else []
        with pytest.raises(SystemExit) as end:
            main(words[3:])
        assert end.value.code == 0
    assert (tmp_path / "coreset.png").is_file()
    assert len(picks(tmp_path / "coreset-10.txt")) == 10
    assert len(picks(tmp_path / "coreset-facility-location.txt")) == 5
    assert (tmp_path / "coreset-encoder" / "model.safetensors").is_file()


def test_a_sheet_that_was_drawn_is_opened_by_its_address(sampled, tmp_path):
    _, out = sampled("--budget", "5", "--sheet", str(tmp_path / "my sheet.png"))
    words = commands(out.err)["next, look at the nearest and the farthest picks:"]
    assert words[:3] == ["python", "-m", "webbrowser"]
    assert Path(url2pathname(urlsplit(words[3]).path)) == tmp_path / "my sheet.png"


@pytest.mark.slow
def test_a_target_with_labels_ends_with_an_evaluation_that_works(folders, tmp_path, capsys):
    for split in ("train", "test"):
        for number in range(12):
            name = tmp_path / "data" / "targets" / "birds" / split / f"class{number % 2}" / f"{number}.png"
            save_noise(name, 600 + number, "red" if number % 2 else "blue")
    places = [
        "--target",
        tmp_path / "data/targets/birds/train",
        "--pool",
        folders / "pool",
        "--out",
        tmp_path / "c.txt",
    ]
    small = ["--budget", "5", "--steps", "1", "--device", "cpu", "--store", tmp_path / "runs"]
    with pytest.raises(SystemExit):
        main(["sample", *map(str, [*places, *small])])
    printed = commands(capsys.readouterr().err)
    for purpose in ("pretrain on your images and the coreset", "measure that encoder on the target's labels"):
        words = printed[f"next, {purpose}:"]
        with pytest.raises(SystemExit) as end:
            main([*words[3:], *(["--steps", "1"] if words[3] == "pretrain" else [])])
        out = capsys.readouterr().out
        assert end.value.code == 0
    assert "birds" in out and "linear-clean: accuracy" in out


def test_what_was_found_is_said_before_work_starts(sampled, folders):
    _, out = sampled("--budget", "6")
    lines = out.err.splitlines()
    assert lines[0] == f"target: 12 images in {folders / 'mine'}"
    assert lines[1] == f"pool: 60 images in 2 folders of {folders / 'pool'}"
    assert lines[2].startswith("estimate: about ") or lines[2] == "estimate: all stages are in the store"


def test_picks_look_like_the_target(sampled, tmp_path):
    sampled("--budget", "20")
    numbers = [int(item[-6:-4]) for item in picks(tmp_path / "coreset.txt")]
    # 20 of the 60 are blue: a random draw would have seven of them.
    assert sum(number % 3 == 0 for number in numbers) >= 18


def test_a_single_pick_has_no_metrics_and_is_written_all_the_same(sampled, tmp_path):
    code, out = sampled("--budget", "1")
    assert code == 0 and len(picks(tmp_path / "coreset.txt")) == 1 and "coverage" not in out.out
    assert "Nothing is measured of a target or a coreset of a single image." in out.out and "| metric" not in out.out


def test_another_budget_reuses_encoder_and_features(sampled, store):
    sampled("--budget", "7")
    before = {kind: len(Store(store).finished(kind)) for kind in ("pretrain", "embed", "sample")}
    sampled("--budget", "9")
    after = {kind: len(Store(store).finished(kind)) for kind in ("pretrain", "embed", "sample")}
    # The coreset, and a random one to compare it with.
    assert after == {**before, "sample": before["sample"] + 2} and before["pretrain"] > 0


def test_images_go_to_the_folders_of_the_options(sampled, folders, tmp_path):
    places = [f"--{name}={tmp_path / name}" for name in ("link", "copy", "dataset")]
    code, _ = sampled("--budget", "5", *places, "--sheet", str(tmp_path / "sheet.png"))
    ids = picks(tmp_path / "coreset.txt")
    assert code == 0
    for name in ("link", "copy"):
        names = sorted(path.relative_to(tmp_path / name).as_posix() for path in (tmp_path / name).rglob("*.png"))
        assert names == sorted(ids)
    assert (tmp_path / "link" / ids[0]).resolve() == (folders / "pool" / ids[0]).resolve()
    assert (tmp_path / "copy" / ids[0]).read_bytes() == (folders / "pool" / ids[0]).read_bytes()
    table = datasets.load_from_disk(str(tmp_path / "dataset"))
    assert table["id"] == ids and table[0]["image"].size == (44, 40)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 5 * 192 and len(np.unique(np.asarray(sheet))) > 100


@pytest.mark.slow
def test_a_finished_pretraining_serves_as_the_encoder(sampled, store, tmp_path):
    sampled("--budget", "8")
    first = picks(tmp_path / "coreset.txt")
    trained = next(one for one in Store(store).finished("pretrain") if one.record.label.startswith("retrieval"))
    code, out = sampled("--budget", "8", "--encoder", str(trained.folder), out="again.txt")
    assert code == 0 and picks(tmp_path / "again.txt") == first
    assert "* encoder: a network that this suite pretrained (retrieval encoder, " in out.out


def test_a_network_of_timm_with_weights_from_a_file(sampled, tmp_path):
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(3)
    save_file(timm.create_model("test_efficientnet", pretrained=False).state_dict(), tmp_path / "weights.safetensors")
    code, out = sampled("--budget", "8", "--encoder", f"timm:test_efficientnet={tmp_path / 'weights.safetensors'}")
    assert code == 0 and "* encoder: test_efficientnet with weights of a file" in out.out
    assert len(picks(tmp_path / "coreset.txt")) == 8


@pytest.fixture
def refused(sampled, store, tmp_path, monkeypatch):
    """Run `sample` with something wrong: its one line. Nothing is begun, nothing is written."""

    def run(*more, **places):
        begun = []
        monkeypatch.setattr(job, "execute", lambda work, machine: begun.append(work) or [])
        code, out = sampled(*more, **places)
        lines = out.err.splitlines()
        assert code == 2 and not begun and lines[-1].startswith("error: ")
        assert sum(line.startswith("error: ") for line in lines) == 1
        assert not list(tmp_path.glob("coreset*"))
        return lines[-1]

    return run


def test_what_cannot_be_done_is_said_in_one_line(refused, folders, tmp_path):
    assert "budget 0" in refused("--budget", "0")
    assert "61 images but the pool has 60" in refused("--budget", "61")
    assert "budget 'much' is none" in refused("--budget", "much")
    assert "simcor" in refused("--sampler", "simcor", "--budget", "5%") and "simcore" in refused("--sampler", "simcor")
    assert "random has no stopping rule" in refused("--sampler", "random")
    assert "there is no such folder" in refused("--budget", "5%", pool="absent")
    assert "is no finished pretraining" in refused("--encoder", str(tmp_path))
    assert "unknown timm network" in refused("--encoder", "timm:resnet5o")
    assert "there is no folder" in refused(out="nowhere/coreset.txt")
    assert "name it coreset.txt" in refused(out="coreset.csv")
    assert "is not empty" in refused("--copy", str(folders / "pool"))


def test_weights_that_need_a_network_are_refused_at_once_without_one(refused, tmp_path, monkeypatch):
    import huggingface_hub
    import timm

    # Nothing listens at this port, and no file is in this cache.
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("a download was begun"))
    line = refused("--encoder", "timm:resnet18", "--budget", "5")
    assert line.endswith(
        "the weights of resnet18 are not on this machine, and the Hub that has them does not answer; "
        "give a local file with --encoder timm:resnet18=FILE"
    )


@pytest.fixture
def dataset(folders, tmp_path):
    """The root of a dataset with splits: train is the target's folder."""
    root = tmp_path / "unpacked" / "birds"
    shutil.copytree(folders / "mine", root / "train" / "robin")
    save_noise(root / "Test" / "robin" / "0.png", 500, "blue")
    return root


@pytest.mark.parametrize("part", ["target", "pool"])
def test_the_root_of_a_dataset_is_refused_and_its_splits_are_named(refused, dataset, part):
    assert f"{part} {dataset.parent} is a" in refused(**{part: dataset.parent})
    assert refused(**{part: dataset}) == (
        f"error: {part} {dataset} is a dataset with the splits Test, train: name one of them, such as "
        f"--{part} {dataset}/train; test images must not be pretrained on"
    )


def test_too_few_images_are_refused(refused, folders, tmp_path):
    save_noise(tmp_path / "stray" / "0.png", 0, "blue")
    stray = tmp_path / "stray"
    assert refused(target=stray).endswith(
        f"target {stray} has 1 image: an encoder that is pretrained on it needs at least 10, or --encoder with a "
        "network that is trained already"
    )
    assert refused("--encoder", "untrained", target=stray).endswith("has 1 image: a coreset needs at least 2")
    assert refused("--budget", "1", pool=stray).endswith(f"pool {stray} has 1 image: a coreset needs at least 2")


def test_one_folder_is_not_both(refused, folders, tmp_path):
    (tmp_path / "link").symlink_to(folders / "mine")
    assert f"and pool {tmp_path / 'link'} are the same folder" in refused(pool=tmp_path / "link")
    shutil.copytree(folders / "mine", tmp_path / "copy" / "inside")
    assert f"all 12 images of pool {tmp_path / 'copy'} lie in target" in refused(
        "--budget", "5", pool=tmp_path / "copy"
    )


def test_images_of_both_folders_are_counted(sampled, folders, tmp_path):
    shutil.copytree(folders / "pool", tmp_path / "pool")
    for number in range(3):
        shutil.copy(folders / "mine" / f"{number:02d}.png", tmp_path / "pool" / "part0" / f"shared{number}.png")
    code, out = sampled("--budget", "5", pool=tmp_path / "pool")
    (line,) = [line for line in out.err.splitlines() if "byte for byte" in line]
    assert code == 0 and line == (
        f"note: 3 of 63 images of pool {tmp_path / 'pool'} lie in target {folders / 'mine'} too, byte for byte; "
        "the coreset may hold them"
    )


def test_an_unreadable_file_is_refused_in_a_target_and_left_out_of_a_pool(refused, folders, tmp_path):
    for number in range(120):
        save_noise(tmp_path / "many" / f"{number:03d}.png", 1000 + number, "red")
    (tmp_path / "many" / "119.png").write_bytes(b"no image")
    many = tmp_path / "many"
    assert f"error: {many}: 1 of 120 files are no readable images; the first is 119.png" in refused(target=many)
    assert f"open-set '{many}': " in refused("--budget", "120", pool=many)


def test_an_empty_pool_is_named(refused, folders):
    (folders / "empty").mkdir(exist_ok=True)
    assert "holds no images" in refused("--budget", "5%", pool="empty")


def test_a_pool_that_changes_under_the_run_is_named(folders, tmp_path, capsys, monkeypatch):
    for name in ("mine", "pool"):
        shutil.copytree(folders / name, tmp_path / name)
    execute = job.execute

    def changing(work, machine):
        save_noise(tmp_path / "pool" / "part0" / "00.png", 9, "red")
        return execute(work, machine)

    monkeypatch.setattr(job, "execute", changing)
    places = ["--target", str(tmp_path / "mine"), "--pool", str(tmp_path / "pool"), "--out", str(tmp_path / "out.txt")]
    with pytest.raises(SystemExit) as end:
        main(
            ["sample", *places, "--profile", "smoke", "--steps", "1", "--device", "cpu", "--store", str(tmp_path / "s")]
        )
    assert end.value.code == 2 and "has changed since the run began" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out.txt").exists()


def test_paths_and_budgets_are_refused_before_anything_heavy_is_loaded(folders, tmp_path):
    code = """
import sys
from benchmark.__main__ import main
try:
    main(["sample", *sys.argv[1:]])
except SystemExit as end:
    assert end.code == 2
print(*sorted({"torch", "timm", "datasets", "pandas", "sklearn"} & set(sys.modules)))
"""

    def loaded(target="mine", pool="pool", out="out.txt", budget="5%"):
        places = ["--target", folders / target, "--pool", folders / pool, "--out", tmp_path / out, "--budget", budget]
        done = subprocess.run([sys.executable, "-c", code, *map(str, places)], capture_output=True, text=True)
        return done.stdout.strip(), done.stderr.strip().splitlines()[-1]

    for wrong, message in (
        ({"pool": "absent"}, "there is no such folder"),
        ({"target": "absent"}, "there is no such folder"),
        ({"budget": "much"}, "budget 'much' is none"),
        ({"budget": "61"}, "61 images but the pool has 60"),
        ({"out": "nowhere/out.txt"}, "there is no folder"),
    ):
        libraries, line = loaded(**wrong)
        assert line.startswith("error: ") and message in line and libraries == ""
