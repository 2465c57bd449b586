"""`list`, `show` and `plan` know the data root; `table` knows what the store has otherwise."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.commands._planned_run import planned_run
from benchmark.planning.costs import longest_chain
from benchmark.specs.stages import Images, Stage
from benchmark.stages.sample import KIND, RandomSampling, SampleSpec

IMAGES = Images("opensets", "pool", "train", "m" * 64, 10)


@pytest.fixture
def data_root(tmp_path, monkeypatch):
    """A target of two classes, a registered one and an open-set of somebody's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    files = [f"targets/leaves/{split}/{name}/{n}.png" for split in ("train", "test") for name in "ab" for n in range(3)]
    files += [f"targets/cub/{split}/a/{n}.png" for split in ("train", "test") for n in range(2)]
    files += [f"opensets/pool/train/any/{n}.png" for n in range(5)]
    pixels = np.random.default_rng(0)
    for file in files:
        path = tmp_path / "data" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return "data"


@pytest.fixture
def verb(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        assert end.value.code in (0, None)
        return capsys.readouterr()

    return run


def test_the_lists_end_with_what_the_data_root_has_of_its_own(data_root, verb):
    targets = verb("list", "targets", "--data-root", data_root).out.splitlines()
    assert targets[-1].split() == ["leaves", "of", "data:", "2", "classes,", "6", "train,", "6", "test"]
    assert [line.split()[0] for line in targets if line.endswith("in the data root")] == ["cub"]
    opensets = verb("list", "opensets", "--data-root", data_root).out.splitlines()
    assert opensets[-1].split() == ["pool", "of", "data:", "5", "images"]
    assert "leaves" not in verb("list", "targets").out


def test_a_data_set_that_cannot_be_listed_is_listed_with_the_reason(data_root, verb, tmp_path):
    (tmp_path / "data" / "targets" / "empty").mkdir()
    line = verb("list", "targets", "--data-root", data_root).out.splitlines()[-2]
    assert line.startswith("empty") and "does not exist" in line


def test_show_has_the_counts_of_the_data_root(data_root, verb):
    own = json.loads(verb("show", "leaves", "--data-root", data_root).out)
    place = {"path": "data", "targets": {"classes": 2, "train": 6, "test": 6}}
    assert own == {"name": "leaves", "data_root": place}
    cub = json.loads(verb("show", "cub", "--data-root", data_root).out)
    assert cub["title"] and cub["data_root"]["targets"] == {"classes": 1, "train": 2, "test": 2}
    assert "data_root" not in json.loads(verb("show", "cub").out)


def test_a_plan_says_first_that_the_open_set_is_not_there_and_what_is(data_root, verb):
    question = ["plan", "2", "--profile", "mini", "--targets", "leaves", "--rows", "X", "OS", "--data-root", data_root]
    shown = verb(*question)
    missing = "note: the open-set is imagenet, which data lacks (it has: pool): name one with --openset"
    assert shown.err.splitlines()[0] == missing
    lines = shown.out.splitlines()
    assert "absent (not in data): opensets/imagenet/train" in lines
    assert "not read yet (a run reads them first): targets/leaves/test, targets/leaves/train" in lines
    assert [line.partition(":")[0] for line in lines if line[:1] not in ("", " ")][-2:] == [
        "wall time of what is left",
        "memory",
    ]
    named = verb(*question, "--openset", "pool")
    assert "lacks" not in named.err and "absent" not in named.out and "opensets/pool/train" in named.out


def test_more_devices_do_not_shorten_the_longest_chain():
    images = (("openset", IMAGES),)
    first, other = (Stage(KIND, SampleSpec(sampling=RandomSampling(), budget=3, seed=n), images, "") for n in (0, 1))
    last = Stage(KIND, SampleSpec(sampling=RandomSampling(), budget=4, seed=0), (("size_of", first),), "")
    assert longest_chain([first, other, last], {first.key: 2.0, other.key: 4.0, last.key: 3.0}) == 5.0
    # What is in the store takes no time.
    assert longest_chain([first, other, last], {other.key: 4.0, last.key: 3.0}) == 4.0


def test_a_plan_knows_the_memory_of_trainings_in_the_store_and_the_hours_of_every_cell(finished_small_run):
    session, store = finished_small_run
    run = planned_run(session)
    trainings = [result.record for result in store.finished("pretrain")]
    peak = max(record.peak_memory_mb for record in trainings) / 1e3
    known = f"about {peak:,.1f} GB of main memory a worker, the most of {len(trainings)} trainings in the store"
    assert " ".join(run.render().split()).endswith(f"memory: {known}")
    hours = run.to_pandas().set_index("row").hours
    # SimCore's row also pays for the encoder that picks, which is the row X.
    assert hours["X+OS_simcore_5"] >= 2 * hours["X"] > 0


def test_a_table_says_that_the_store_has_the_cell_otherwise(finished_small_run, verb):
    _, store = finished_small_run
    question = ["--targets", "dtd", "--rows", "X", "X+OS_rand_5", "--store", str(store.root)]
    other = "simclr on test_resnet at 32 px for 6 steps: see --steps, --method, --backbone, --profile"
    assert f"the store has trainings of 2 missing cells otherwise, {other}" in verb("table", "2", *question).err
    assert "otherwise" in verb("table", "2", *question, "--steps", "6", "--method", "byol").err
    assert "otherwise" not in verb("table", "2", *question, "--steps", "6").err
