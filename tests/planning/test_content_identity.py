"""Which keys images, labels, names and roles move, and which they leave alone, in whole plans."""

from dataclasses import replace

import pytest

from benchmark.planning.planner import CellParts, Planner
from benchmark.planning.profiles import MINI, SMOKE
from benchmark.specs.cells import Plan, ordered
from benchmark.specs.protocols import CLEAN
from benchmark.specs.stages import Images
from benchmark.specs.variants import VARIANTS


class Contents:
    """Images whose identities are words, by what a folder holds and not by what it is called. `changes` gives other
    identities by "train", "test", "pool", each with " labels", by "relevance" and by "sources"."""

    def __init__(self, target="cub", openset="imagenet", **changes):
        self.target, self.openset, self.changes = target, openset, changes

    def images(self, role, name, split):
        assert name == (self.target if role == "targets" else self.openset)
        what = split if role == "targets" else "pool"
        return Images(role, name, split, self._identity(what), 1000, self._identity(f"{what}_labels"))

    def relevance(self, openset, target):
        return Images("opensets", openset, f"relevance:{target}", self._identity("relevance"))

    def sources(self, openset):
        return Images("opensets", openset, "sources", self._identity("sources"))

    def metric(self, target):
        return "top1"

    def _identity(self, what):
        return self.changes.get(what, f"the {what}")


def stages(setup=None, profile=SMOKE, **fields):
    """Every stage of all rows, and the metrics of their coresets, by label without names."""
    contents = Contents(**fields)
    planner = Planner(profile, CLEAN, contents, chosen=setup, cell_parts=CellParts(coreset_metrics=True))
    cells = [planner.cell(variant, contents.target, contents.openset, 0) for variant in VARIANTS.values()]
    return {(stage.kind.name, _plain(stage.label, contents)): stage for stage in Plan(tuple(cells)).stages}


def _plain(label, contents):
    return label.replace(contents.target, "TARGET").replace(contents.openset, "OPENSET")


def moved(**fields):
    """The kinds of the stages whose keys a change moves, with how many of the kind do not move."""
    before, after = stages(), stages(**fields)
    assert before.keys() == after.keys()
    keys = {place: before[place].key != after[place].key for place in before}
    kinds = {kind for (kind, _), changed in keys.items() if changed}
    return {kind: sum(not changed for (one, _), changed in keys.items() if one == kind) for kind in kinds}


def test_names_move_no_key():
    assert moved(target="my birds", openset="my pool") == {}


def test_the_role_moves_no_key():
    one = Images("targets", "birds", "train", "the images", 10, "the labels")
    other = Images("opensets", "pool", "train", "the images", 10, "other labels")
    planner = Planner(SMOKE, CLEAN, Contents())
    encoder = planner.retrieval("cub", 0)
    assert planner.embed(encoder, one).key == planner.embed(encoder, other).key
    assert planner.embed(encoder, replace(one, sha256="other images")).key != planner.embed(encoder, one).key


def test_the_same_folder_as_target_and_as_pool_is_embedded_once():
    planner = Planner(SMOKE, CLEAN, Contents(train="the folder", pool="the folder"))
    sample = planner.sample(VARIANTS["X+simcore(5%)"], "cub", "imagenet", 0)
    kinds = [stage.kind.name for stage in ordered([sample])]
    assert kinds == ["pretrain", "embed", "sample"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_labels_of_the_target_move_evaluations_and_nothing_else(split):
    assert moved(**{f"{split}_labels": "other"}) == {"evaluate": 0}


def test_folders_of_a_pool_are_labels_that_nothing_reads():
    assert moved(pool_labels="other") == {}


def test_relevance_labels_move_purity_and_the_oracle():
    changed = moved(relevance="other")
    assert changed.pop("purity") == 0
    total = {kind: sum(one == kind for one, _ in stages()) for kind in changed}
    # The oracle's coreset, its metrics, its training and its evaluation.
    assert {kind: total[kind] - kept for kind, kept in changed.items()} == dict.fromkeys(
        ("sample", "measure", "pretrain", "evaluate"), 1
    )


def test_the_sources_of_a_pool_move_metrics_of_coresets_alone():
    assert moved(sources="other") == {"measure": 0}


def test_an_image_of_test_moves_evaluations_alone():
    assert moved(test="other") == {"evaluate": 0}


def test_an_image_of_train_moves_all_that_sees_the_target():
    changed = moved(train="other")
    before, after = stages(), stages(train="other")
    kept = {place for place in before if before[place].key == after[place].key}
    assert set(changed) == {"pretrain", "embed", "sample", "measure", "purity", "evaluate"}
    # What depends on the pool alone: OS, and coresets at random and of relevant images, of a fixed size.
    assert all("OS OPENSET" in label or "random" in label or "oracle" in label for _, label in kept)
    assert {kind for kind, _ in kept} == {"pretrain", "sample", "purity"}


def test_an_image_of_the_pool_moves_all_that_sees_the_pool():
    before, after = stages(), stages(pool="other")
    kept = {kind for kind, label in before if before[kind, label].key == after[kind, label].key}
    assert kept == {"pretrain", "embed", "evaluate"}
    assert not any(before[place].key == after[place].key for place in before if place[0] in ("sample", "measure"))


def test_labels_move_a_training_with_an_online_classifier():
    planned = {}
    for labels in ("the labels", "other"):
        setup = MINI.setup("all4one")
        assert setup.recipe.online is not None
        # The open-set has no labels for a classifier, so that all rows are evaluated by a probe.
        parts = CellParts(evaluations=("linear-clean",))
        planner = Planner(MINI, CLEAN, Contents(train_labels=labels), chosen=setup, cell_parts=parts)
        planned[labels] = [planner.cell(VARIANTS[row], "cub", "imagenet", 0).pretrain for row in ("X", "X+OS", "OS")]
    same = [one.key == other.key for one, other in zip(*planned.values(), strict=True)]
    assert same == [False, False, True]


def test_a_key_is_final_only_with_the_labels_that_it_needs():
    images = Images("targets", "birds", "train", "the images", 10)
    assert images.resolved and not images.with_labels.resolved
    assert replace(images, labels_sha256="the labels").with_labels.resolved
    assert not replace(images, sha256=None, labels_sha256="the labels").resolved
