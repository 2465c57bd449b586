"""What the verbs print reads as it should: no doubled words, the right number of nouns, what was really run."""

import re

import pytest

from baselines import SAMPLERS
from benchmark.commands._listing import LISTS, listing
from benchmark.commands._planned_run import planned_run
from benchmark.commands.show.names import describe
from benchmark.planning.encoders import Encoder
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.published.tables import table_names
from benchmark.report.collect import collect
from benchmark.sampling.samplers import find_sampler
from benchmark.specs.recipes import Backbone, Embedding
from benchmark.specs.stages import Stage
from benchmark.specs.variants import VARIANTS
from benchmark.specs.wording import counted
from benchmark.stages.frozen import KIND as FROZEN
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.sample.text import picked_text, sampler_text

DOUBLED = re.compile(r"\b([a-z]{2,}) \1\b", re.IGNORECASE)


def test_no_stage_names_its_work_twice(tmp_path):
    question = {"targets": ("dtd",), "controls": True, "coreset_metrics": True, "store": tmp_path}
    titles = {stage.title for stage in PlannedTable(Query("2", profile="smoke", **question)).plan.stages}
    assert "count purity of X+random(1%), dtd from imagenet, seed 0" in titles
    assert "compute metrics of X+random(1%), dtd from imagenet, seed 0" in titles
    assert [title for title in titles if DOUBLED.search(title)] == []


@pytest.mark.parametrize("name", LISTS)
def test_no_list_says_a_word_twice(name):
    assert not DOUBLED.search(re.sub(" {2,}", "\n", listing(name)))


@pytest.mark.parametrize("name", [*SAMPLERS, *table_names(), *VARIANTS])
def test_nothing_shown_says_a_word_twice(name, tmp_path):
    assert not DOUBLED.search(re.sub(" {2,}|\\n", "\n", describe(name, tmp_path)))


def test_the_devices_of_simcore_are_in_a_sentence(tmp_path):
    assert "None is numpy; any other value is a device\n    of torch" in describe("simcore", tmp_path)


def test_a_table_of_one_column_has_one_column():
    lines = {line.split()[0]: line for line in listing("tables").splitlines()}
    assert " 1 column " in lines["all4one-cifar10"] and " 11 columns " in lines["table2"]


def test_a_plan_names_its_table_once_and_one_seed_as_one(tmp_path):
    query = Query("2", profile="smoke", targets=("dtd",), rows=("X",), steps=(1,), store=tmp_path)
    text = planned_run(PlannedTable(query)).render()
    assert text.startswith("table2, profile smoke (rendered stand-in images), protocol clean, seed 0\n")
    assert re.search(r"^X +dtd +0 +1 step ", text, re.MULTILINE)
    # What rounds to nothing is not said to cost nothing.
    assert "cost: about 1 device-second (about 1 device-second left)" in text and "0.0 device-hours" not in text
    both = planned_run(
        PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=("X",), seeds=(0, 1), store=tmp_path))
    ).render()
    assert "seeds 0, 1\n" in both and "40 steps" in both


@pytest.mark.parametrize(
    ("origin", "label", "said"),
    [
        ("suite", "X, dtd, seed 0", "a network that this suite pretrained (X, dtd, seed 0)"),
        ("timm", "resnet18", "resnet18 with the weights of timm"),
        ("file", "resnet18", "resnet18 with weights of a file"),
    ],
)
def test_an_encoder_is_described_by_what_it_is(origin, label, said):
    digest = None if origin == "timm" else "0" * 64
    spec = FrozenEncoder(
        backbone=Backbone(name="resnet18", library="timm"), origin=origin, sha256=digest, mean=(0, 0, 0), std=(1, 1, 1)
    )
    encoder = Encoder(Stage(FROZEN, spec, (), label), Embedding(resize=36, crop=32))
    assert encoder.description == said


def test_a_card_names_the_settings_that_a_wrapped_sampler_was_run_with(tmp_path):

    session = PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=("X",), store=tmp_path))
    planner = session.planner(session.rows[0])
    text = sampler_text(find_sampler("semdedup", planner.names.simcore).sampling.model_dump(mode="json"))
    # Smoke's k and patience, not those of SimCore's class.
    assert text.startswith("semdedup (clusters by default, eps 0.05, sampler (")
    assert f"k {planner.profile.k}," in text and "k 100" not in text and "{" not in text and "None" not in text


def test_nouns_agree_with_their_numbers():
    assert [counted(n, "image") for n in (0, 1, 2, 1281167)] == ["0 images", "1 image", "2 images", "1,281,167 images"]
    picked = picked_text({"size": 1, "share": 0.0084, "stopped_by": "budget"})
    assert picked == "1 image, 0.84 % of the pool, stopped by budget"


@pytest.mark.parametrize(
    ("rows", "steps", "said"),
    [
        (("X",), (1,), ["rows took 1 optimiser step instead of the profile's number"]),
        (
            ("X", "X(2x)"),
            (1600,),
            ["rows took 1,600 optimiser steps instead of the profile's number, X(2x) twice as many"],
        ),
        (("X",), (), []),
    ],
)
def test_a_table_says_how_long_its_rows_were_trained(rows, steps, said, tmp_path):
    query = Query("2", profile="smoke", targets=("dtd",), rows=rows, steps=steps, store=tmp_path)
    session = PlannedTable(query)
    notes = collect(session.values(), session.store).notes
    assert [note for note in notes if "optimiser step" in note] == said
