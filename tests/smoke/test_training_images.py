"""What every row of Table 2 and every control is trained on: which images, how often, in what order; and from which
weights. Looked at where crops are made and where a training begins, on stand-ins and for a few steps, at two seeds.
"""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest

from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.pretrain.learner import Learner
from benchmark.specs.artefacts import ENCODER, PICKS, POSITIONS
from benchmark.specs.cells import ordered
from benchmark.specs.variants import VARIANTS
from benchmark.training import loader as feed
from benchmark.training.schedule import course

SEEDS = (0, 1)
STEPS = 2
WHOLE = {"OS", "X+OS"}
WITHOUT = {"X", "X(2x)"}
CORESETS = sorted(set(VARIANTS) - WHOLE - WITHOUT)


@dataclass
class Watched:
    """What trainings were seen to do, by the key of their stage: the pixels that each step's crops were cut from, one
    hash for each crop, and a hash of the weights before the first step."""

    stage: str = ""
    steps: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    weights: dict[str, str] = field(default_factory=dict)

    def install(self, patch):
        """Look at every training in this process from now on."""
        augment, begin = feed.augment, Learner.begin

        def seen(squares, *options):
            self.steps[self.stage].append([digest(square.numpy()) for square in squares])
            return augment(squares, *options)

        def begun(learner, moment):
            if moment.step == 0:
                self.weights[self.stage] = digest(*(value.numpy() for value in learner.state_dict().values()))
            begin(learner, moment)

        patch.setattr(feed, "augment", seen)
        patch.setattr(Learner, "begin", begun)


def digest(*arrays):
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


@dataclass
class Trained:
    """A finished session with its store and what was seen of it."""

    session: object
    store: object
    watched: Watched

    def cell(self, variant, seed):
        (row,) = (row for row in self.session.rows if row.variant.name == variant)
        return self.session.cells[row.id, "dtd", seed]

    def seen(self, variant, seed):
        """The hashes of a row's crops, step by step."""
        return self.watched.steps[self.cell(variant, seed).pretrain.key]

    def metrics(self, variant, seed):
        return self.store.record(self.cell(variant, seed).pretrain).metrics

    def ids(self, variant, seed):
        """The names of a row's picks, in pick order."""
        lines = self.store.file(self.cell(variant, seed).sample, PICKS).read_text().splitlines()
        return [line for line in lines if not line.startswith("#")]

    def images(self, variant, seed):
        """The names of the images that a row is to be trained on, X first, then the open-set or the picks in order."""
        own = [f"X {name}" for name in self.manifest("targets").ids] if variant != "OS" else []
        if variant in WITHOUT:
            return own
        others = self.manifest("opensets").ids if variant in WHOLE else self.ids(variant, seed)
        return [*own, *(f"OS {name}" for name in others)]

    def manifest(self, role):
        return self.session.data.manifest(role, "dtd" if role == "targets" else "imagenet", "train")

    def pixels(self):
        """The hash of every image of X and of the open-set, by its name."""
        side = self.cell("X", 0).pretrain.spec.recipe.augmentation.stored
        by_item = {}
        for prefix, role, name in (("X", "targets", "dtd"), ("OS", "opensets", "imagenet")):
            squares = self.session.data.squares(self.session.data.images(role, name, "train"), side)
            for item, square in zip(self.manifest(role).ids, squares, strict=True):
                by_item[f"{prefix} {item}"] = digest(square)
        return by_item


@pytest.fixture(scope="module")
def trained(tmp_path_factory, new_session):
    root = tmp_path_factory.mktemp("rows") / "runs"
    session = new_session(root, targets=("dtd",), seeds=SEEDS, controls=True, steps=(STEPS,))
    store, watched = open_store(root), Watched()
    with pytest.MonkeyPatch.context() as patch:
        watched.install(patch)
        for stage in ordered(cell.pretrain for cell in session.cells.values()):
            watched.stage = stage.key
            run_stage(Task(stage, store, session.data, "cpu"))
    return Trained(session, store, watched)


@pytest.fixture(scope="module")
def hashes(trained):
    by_item = trained.pixels()
    assert len(set(by_item.values())) == len(by_item) == 2100
    return by_item


# Images --------------------------------------------------------------------------------------------------------------


def test_there_is_a_row_of_every_variant(trained):
    assert {row.variant.name for row in trained.session.rows} == set(VARIANTS)
    assert len(trained.session.cells) == len(SEEDS) * len(VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_sees_its_images_in_order_and_no_others(trained, hashes, variant, seed):
    """X stands before the coreset, the coreset in pick order; a step's images are the course's, once for each view."""
    images, spec = trained.images(variant, seed), trained.cell(variant, seed).pretrain.spec
    run = course(spec.recipe, len(images), spec.seeds.data)
    expected = [[hashes[images[row]] for row in np.tile(run.rows(step), 2)] for step in range(run.steps)]
    assert run.steps == STEPS * (2 if variant == "X(2x)" else 1)
    assert trained.seen(variant, seed) == expected


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_sees_every_image_as_often_as_any_other_and_the_record_says_how_often(trained, hashes, variant, seed):
    images = trained.images(variant, seed)
    counts = Counter(crop for step in trained.seen(variant, seed) for crop in step)
    times = [counts.pop(hashes[name]) if hashes[name] in counts else 0 for name in images]
    assert (
        not counts and max(times) - min(times) in (0, 2) and sum(times) == 2 * trained.metrics(variant, seed)["samples"]
    )
    own = sum(name.startswith("X ") for name in images)
    stated = trained.metrics(variant, seed)
    assert (stated["target_images"], stated["coreset_images"]) == (own, len(images) - own)
    assert stated["exposures_of_target"] == (pytest.approx(np.mean(times[:own]) / 2) if own else None)


# Coresets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", CORESETS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_coreset_has_the_size_that_its_row_says_and_no_image_twice(trained, variant, seed):
    ids, pool = trained.ids(variant, seed), trained.manifest("opensets").ids
    sizes = {"(1%)": 20, "(5%)": 100, "(stop)": len(trained.ids("X+simcore(stop)", seed))}
    # There are 45 relatives of dtd, fewer than the 100 that 5 % would be.
    expected = 45 if "oracle" in variant else next(size for name, size in sizes.items() if name in variant)
    assert len(ids) == len(set(ids)) == expected and set(ids) < set(pool)
    assert [pool[row] for row in np.load(trained.store.file(trained.cell(variant, seed).sample, POSITIONS))] == ids


def test_random_takes_the_size_that_simcore_stopped_at_for_the_same_seed(trained):
    sizes = [[len(trained.ids(f"X+{name}(stop)", seed)) for seed in SEEDS] for name in ("random", "simcore")]
    # Two sizes, so that no constant is both.
    assert sizes[0] == sizes[1] and len(set(sizes[0])) == 2


@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_draws_relatives_of_the_target_and_nothing_else(trained, seed):
    assert {name.partition("__")[0] for name in trained.ids("X+oracle(5%)", seed)} == {"dtd"}
    # By chance one in 44 images is one.
    assert len({name.partition("__")[0] for name in trained.ids("X+random(5%)", seed)}) > 5


def test_coresets_of_other_samplers_features_centroids_and_seeds_are_other_images(trained):
    five = [name for name in CORESETS if name.endswith("(5%)")]
    coresets = [frozenset(trained.ids(name, seed)) for name in five for seed in SEEDS]
    # All 45 relatives are the oracle's at every seed; the order is another.
    assert len(set(coresets)) == len(coresets) - 1
    assert trained.ids("X+oracle(5%)", 0) != trained.ids("X+oracle(5%)", 1)


# Weights -------------------------------------------------------------------------------------------------------------


def test_all_rows_of_a_seed_start_from_the_same_weights_and_those_of_another_seed_from_others(trained):
    starts = [{trained.watched.weights[trained.cell(name, seed).pretrain.key] for name in VARIANTS} for seed in SEEDS]
    assert [len(weights) for weights in starts] == [1, 1] and starts[0] != starts[1]


def test_the_encoders_that_choose_are_those_of_the_rows_own_seed(trained):
    """The retrieval encoder is the X row of the same seed; an untrained one has other weights at every seed."""
    files = []
    for seed in SEEDS:
        for name in CORESETS:
            features = trained.cell(name, seed).sample.input("pool")
            if features is not None and "untrained" not in name:
                assert features.input("encoder").key == trained.cell("X", seed).pretrain.key
        untrained = trained.cell("X+simcore(5%)@untrained", seed).sample.input("pool").input("encoder")
        files.append(digest(np.frombuffer(trained.store.file(untrained, ENCODER).read_bytes(), np.uint8)))
    assert len(set(files)) == 2
