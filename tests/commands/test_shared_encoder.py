"""Two folders under any name and role: what `sample` made is found again by `plan`, `compare` and `reproduce`."""

import shutil

import numpy as np
import pytest
from PIL import Image

import benchmark

STEPS = {"profile": "mini", "steps": 2}
HERE = {"device": "cpu", "jobs": 1}


def save(folder, count, shift):
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(shift + number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with target `birds` and open-set `web`, whose folders have sources and relevance."""
    root = tmp_path_factory.mktemp("images") / "data"
    for number, name in enumerate(("jay", "tit")):
        save(root / "targets/birds/train" / name, 8, 1000 * number)
        save(root / "targets/birds/test" / name, 4, 1000 * number + 100)
        save(root / "opensets/web/train" / name, 20, 1000 * number + 200)
    rows = ["dir,source,rel_birds", "jay,flickr,1", "tit,gulls-heldout,0"]
    (root / "opensets/web/relevance.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def store(root):
    """The store that `sample` filled, which knows the folders as its target and its pool."""
    store = root.parent / "runs"
    places = {"target": root / "targets/birds/train", "pool": root / "opensets/web/train"}
    benchmark.sample(**places, **STEPS, **HERE, budget="50%", store=store)
    return store


@pytest.fixture
def copy(root, store, tmp_path):
    """A copy of folders and store, whose results are those of `store` and whose images are not read yet."""
    shutil.copytree(store, tmp_path / "runs")
    shutil.copytree(root, tmp_path / "data")
    return tmp_path


def results(store, *kinds):
    return {path for kind in kinds for path in store.glob(f"{kind}/*")}


def to_do(planned):
    """The stages of a plan that the store lacks, by kind and label."""
    return [(one.kind.name, one.label) for one in planned.stages if not planned.session.store.has(one)]


def planned_run(root, store, **fields):
    places = {"targets": ["birds"], "openset": "web", "data_root": root, "store": store}
    return benchmark.plan(table="2", rows=["X", "X+OS_simcore_5"], **places, **STEPS, **fields)


def test_a_plan_finds_the_encoder_and_the_features_that_sample_made(root, store):
    left = to_do(planned_run(root, store))
    # The test split was not read yet, and only evaluations need it. Another budget is another coreset.
    assert {kind for kind, _ in left} == {"evaluate", "sample", "purity", "pretrain"}
    assert [label for kind, label in left if kind == "pretrain"] == ["X+simcore(5%), birds, seed 0"]


def test_compare_runs_no_training_and_no_features_that_sample_made(copy, root):
    before = results(copy / "runs", "pretrain", "embed", "sample", "measure")
    # An encoder; features of both folders by it, and of the target by random weights; three coresets with metrics.
    assert len(before) == 1 + 3 + 3 + 3
    (copy / "data").rename(copy / "elsewhere")
    (copy / "elsewhere/targets/birds").rename(copy / "elsewhere/targets/finches")
    (copy / "elsewhere/opensets/web").rename(copy / "elsewhere/opensets/pictures")
    names = {"target": "finches", "openset": "pictures", "data_root": copy / "elsewhere", "store": copy / "runs"}
    benchmark.compare(sampler="nearest", against=["random"], budget="50%", **names, **STEPS, **HERE)
    after = results(copy / "runs", "pretrain", "embed", "sample", "measure")
    # Another sampler's coreset and its metrics; the random one is there. The purity needs relevance labels of this
    # target's name.
    assert before < after and {path.parent.name for path in after - before} == {"sample", "measure"}
    assert len(after - before) == 2 and not results(copy / "runs", "purity")


@pytest.mark.slow
def test_sample_finds_the_encoder_that_reproduce_made(root, tmp_path):
    store = tmp_path / "runs"
    places = {"targets": ["birds"], "openset": "web", "data_root": root, "store": store}
    benchmark.reproduce(table="2", rows=["X"], **places, **STEPS, **HERE)
    trained = results(store, "pretrain")
    folders = {"target": root / "targets/birds/train", "pool": root / "opensets/web/train"}
    benchmark.sample(**folders, **STEPS, **HERE, budget="50%", store=store)
    assert results(store, "pretrain") == trained and len(trained) == 1


# What must not be found ----------------------------------------------------------------------------------------------
def kinds_to_do(copy):
    """The kinds of stages of X and of the features that the store lacks for the folders as they are now."""
    from benchmark.images.data import Data

    data = Data(copy / "data", False, copy / "runs")
    data.read([("targets", "birds", "train"), ("targets", "birds", "test"), ("opensets", "web", "train")])
    return {kind for kind, label in to_do(planned_run(copy / "data", copy / "runs")) if "X+simcore" not in label}


def test_unchanged_copies_have_all_but_evaluations(copy):
    assert kinds_to_do(copy) == {"evaluate"}


def test_another_image_in_an_images_place_is_trained_again(copy):
    save(copy / "other", 1, 5000)
    shutil.copy(copy / "other/00.png", copy / "data/targets/birds/train/jay/00.png")
    assert kinds_to_do(copy) == {"evaluate", "embed", "pretrain"}


def test_a_renamed_image_of_the_pool_is_embedded_again(copy):
    folder = copy / "data/opensets/web/train/jay"
    (folder / "00.png").rename(folder / "0.png")
    assert kinds_to_do(copy) == {"evaluate", "embed"}


def test_another_source_of_a_pools_folder_measures_again(copy):
    """The metrics of a coreset tell its sources, which are no property of the images."""
    path = copy / "data/opensets/web/relevance.csv"
    path.write_text(path.read_text().replace("flickr", "bing"))
    names = {"target": "birds", "openset": "web", "data_root": copy / "data", "store": copy / "runs"}
    before = results(copy / "runs", "measure")
    comparison = benchmark.compare(sampler="simcore", against=["simcore"], budget="50%", **names, **STEPS, **HERE)
    assert len(results(copy / "runs", "measure") - before) == 1
    assert "bing" in str(comparison.to_pandas()) + comparison.render("json") and "flickr" not in comparison.render(
        "json"
    )
