"""Claims on evidence made for the purpose, and on the published values."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from paper_targets import paper_targets

from benchmark.published.claims import (
    Answers,
    BetterOnAverage,
    BetterOnEveryTarget,
    MeanGain,
    MeasuredEvidence,
    PublishedEvidence,
    evaluate,
)
from benchmark.published.power import needed
from benchmark.published.tables import load_table, table_names

TWO = ("aircraft", "cars")
PAIR = {"sentence": "", "source": "", "left": "new", "right": "old"}
EVERY = BetterOnEveryTarget(id="every", **PAIR)
AVERAGE = BetterOnAverage(id="average", **PAIR)
GAIN = MeanGain(id="gain", gain=10.0, tolerance=2.0, **PAIR)
UNDECIDED_ON_PUBLISHED = {
    "table2/stop-beats-X": ["aircraft", "celeba"],
    "table2/stop-beats-OS": ["flowers", "dtd"],
    "table2/simcore-beats-random-at-1": ["aircraft", "mit67", "dtd", "celeba", "food11"],
    "table2/simcore-beats-random-at-5": ["aircraft", "dtd", "celeba"],
    "table2/simcore-1-beats-X": ["aircraft", "celeba", "food11"],
    "table2/simcore-5-beats-OS": ["dtd"],
    "table2/many-clusters-beat-one-at-5": [
        "aircraft", "cars", "pets", "stanford40", "mit67", "dtd", "celeba", "food11"
    ],
    "table2/X-beats-both-on-four": ["celeba"],
    "table2/stop-beats-5": [],
    "table3/resnet18-beats-X": ["aircraft"],
    "table3/resnet101-beats-X": ["aircraft"],
    "table4/byol-beats-X": ["cars"],
    "table4/byol-beats-OS": ["aircraft", "cars"],
    "table4/dino-beats-OS": ["aircraft"],
    "table5/imagenet-beats-X": ["aircraft"],
    "table5/webvision-beats-X": ["aircraft"],
    "figure3/coco-beats-X": ["cub"],
    "figure3/inaturalist-beats-X": ["mit67"],
    "figure3/inaturalist-beats-imagenet": ["cub"],
    "full-finetuning/simcore-beats-X": ["cars"],
    "full-finetuning/simcore-beats-OS": ["aircraft", "pets", "cub"],
}  # fmt: skip


def published(new: tuple[float, ...], old: tuple[float, ...], n: int = 1000) -> PublishedEvidence:
    rows = {("new", t): v for t, v in zip(TWO, new, strict=True)} | {
        ("old", t): v for t, v in zip(TWO, old, strict=True)
    }
    return PublishedEvidence(rows, dict.fromkeys(TWO, n), TWO)


# Verdicts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "old", "verdict"),
    [
        ((60.0, 60.0), (50.0, 50.0), "held"),
        ((60.0, 50.2), (50.0, 50.0), "undecided"),
        ((60.0, 40.0), (50.0, 50.0), "contradicted"),
        ((40.0, 40.0), (50.0, 50.0), "contradicted"),
    ],
)
def test_better_on_every_target(new: tuple, old: tuple, verdict: str) -> None:
    assert evaluate(EVERY, published(new, old)).verdict == verdict


def test_holm_makes_every_target_stricter_than_one_by_one() -> None:
    """Differences of 4.6 points (p = 0.02 each): alone held at 95 %, two of them not."""
    both = evaluate(EVERY, published((54.6, 54.6), (50.0, 50.0)))
    one_target = evaluate(EVERY.model_copy(update={"targets": ("cars",)}), published((54.6, 54.6), (50.0, 50.0)))
    assert one_target.verdict == "held" and one_target.details[0].estimate.low > 0
    assert both.verdict == "undecided"
    assert [d.p_holm for d in both.details] == pytest.approx([2 * d.estimate.p_greater for d in both.details])


@pytest.mark.parametrize(
    ("new", "verdict"),
    [((60.0, 49.0), "held"), ((51.0, 49.5), "undecided"), ((40.0, 51.0), "contradicted")],
)
def test_better_on_average(new: tuple, verdict: str) -> None:
    result = evaluate(AVERAGE, published(new, (50.0, 50.0)))
    assert result.verdict == verdict
    assert result.overall is not None
    assert result.overall.value == pytest.approx(sum(new) / 2 - 50)


@pytest.mark.parametrize(
    ("new", "n", "verdict"),
    [
        (60.0, 100_000, "held"),
        (60.0, 1_000, "undecided"),
        (55.0, 100_000, "contradicted"),
        (65.0, 100_000, "contradicted"),
    ],
)
def test_mean_gain(new: float, n: int, verdict: str) -> None:
    assert evaluate(GAIN, published((new, new), (50.0, 50.0), n)).verdict == verdict


def test_a_hole_leaves_no_verdict_and_is_named() -> None:
    whole = published((60.0, 60.0), (50.0, 50.0))
    values = {pair: value for pair, value in whole.values.items() if pair != ("old", "cars")}
    for claim in (EVERY, AVERAGE, GAIN):
        result = evaluate(claim, PublishedEvidence(values, whole.items, TWO))
        assert (result.verdict, result.missing) == ("missing", (("old", "cars"),))
        assert not result.details and result.overall is None


def test_targets_that_a_claim_names_must_be_there() -> None:
    claim = GAIN.model_copy(update={"targets": ("aircraft", "dogs")})
    result = evaluate(claim, published((60.0, 60.0), (50.0, 50.0)))
    assert result.missing == (("new", "dogs"), ("old", "dogs"))


def test_no_target_is_no_verdict() -> None:
    assert evaluate(EVERY, PublishedEvidence({}, {}, ())).verdict == "missing"


def test_a_test_split_of_unknown_size_is_an_error() -> None:
    with pytest.raises(KeyError, match="cars"):
        evaluate(EVERY, PublishedEvidence({("new", "cars"): 1.0, ("old", "cars"): 2.0}, {}, ("cars",)))


# Measured evidence ---------------------------------------------------------------------------------------------------

LABELS = np.arange(400) % 8


def answers(p: float, seeds: tuple[int, ...], salt: int) -> Answers:
    difficulty = np.random.default_rng(99).random(400)
    noise = {seed: np.random.default_rng((salt, seed)).normal(0, 0.1, 400) for seed in seeds}
    return Answers({seed: 100.0 * (difficulty + noise[seed] < p) for seed in seeds}, LABELS, "top1")


def measured(new: float, old: float, new_seeds: tuple[int, ...] = (0, 1, 2), old_seeds: tuple[int, ...] = (0, 1, 2)):
    cells = {("new", t): answers(new, new_seeds, i) for i, t in enumerate(TWO)}
    return MeasuredEvidence(cells | {("old", t): answers(old, old_seeds, i + 7) for i, t in enumerate(TWO)}, TWO)


@pytest.mark.parametrize(
    ("new", "old", "verdict"), [(0.6, 0.4, "held"), (0.4, 0.6, "contradicted"), (0.5, 0.5, "undecided")]
)
def test_measured_verdicts(new: float, old: float, verdict: str) -> None:
    result = evaluate(EVERY, measured(new, old))
    assert (result.verdict, result.evidence) == (verdict, "measured")
    assert {detail.estimate.basis for detail in result.details} == {"seeds and items"}


def test_pairing_uses_the_common_seeds() -> None:
    result = evaluate(EVERY, measured(0.6, 0.4, (0, 1, 2), (2, 1, 5)))
    assert {detail.estimate.seeds for detail in result.details} == {2}
    assert evaluate(EVERY, measured(0.6, 0.4, (0,), (1,))).verdict == "missing"


def test_the_mean_of_one_target_is_that_target_s_difference() -> None:
    """MAE's "SimCore beats X" was called contradicted by a mean of one target with other degrees of freedom."""
    evidence = measured(0.6, 0.55)
    result = evaluate(AVERAGE.model_copy(update={"targets": ("cars",)}), evidence)
    assert result.overall == result.details[0].estimate == evidence.difference("new", "old", ("cars",), 0.95)


def test_a_mean_is_taken_over_the_seeds_that_all_targets_share() -> None:
    cells = {("new", t): answers(0.6, (0, 1, 2), i) for i, t in enumerate(TWO)}
    cells |= {("old", "cars"): answers(0.4, (0, 1, 2), 7), ("old", "aircraft"): answers(0.4, (1, 2, 3), 8)}
    result = evaluate(AVERAGE, MeasuredEvidence(cells, TWO))
    assert result.overall is not None and result.overall.seeds == 2
    assert {detail.estimate.seeds for detail in result.details} == {2, 3}
    apart = cells | {("old", "aircraft"): answers(0.4, (2,), 8), ("old", "cars"): answers(0.4, (0, 1), 7)}
    lost = evaluate(AVERAGE, MeasuredEvidence(apart, TWO))
    assert lost.verdict == "missing" and len(lost.missing) == 4
    # On each target by itself there are common seeds.
    assert evaluate(EVERY, MeasuredEvidence(apart, TWO)).verdict == "one seed"


@pytest.mark.parametrize("claim", [EVERY, AVERAGE, GAIN], ids=lambda claim: claim.id)
@pytest.mark.parametrize(("new", "old"), [(0.9, 0.1), (0.1, 0.9), (0.5, 0.5)])
def test_one_seed_gives_no_verdict_however_large_the_difference(claim, new: float, old: float) -> None:
    result = evaluate(claim, measured(new, old, (0,), (0,)))
    assert result.verdict == "one seed"
    assert {detail.verdict for detail in result.details} == {"one seed"}
    assert all(detail.needed is not None and detail.needed.seeds is None for detail in result.details)


def test_what_is_open_says_what_would_decide_it_and_what_is_decided_does_not() -> None:
    open_, held = (evaluate(AVERAGE, measured(new, 0.5)) for new in (0.505, 0.7))
    assert (open_.verdict, held.verdict) == ("undecided", "held")
    assert open_.needed is not None and held.needed is None
    every = evaluate(EVERY, measured(0.505, 0.5))
    assert [detail.needed is not None for detail in every.details] == [d.verdict == "undecided" for d in every.details]
    assert evaluate(AVERAGE, published((50.5, 50.5), (50.0, 50.0))).needed is None


def test_a_gain_is_decided_at_the_nearer_end_of_its_tolerance() -> None:
    evidence = measured(0.55, 0.5)
    value = evidence.difference("new", "old", TWO, 0.95).value
    near = evaluate(GAIN.model_copy(update={"gain": value + 1.9}), evidence).needed
    same = evaluate(AVERAGE, evidence)
    assert near is not None and same.overall is not None
    assert near == needed(same.overall, 0.1, 0.95)


def test_pairing_is_more_precise_than_not_pairing() -> None:
    """The same answers as published point values give a wider interval: the items are shared."""
    evidence = measured(0.6, 0.5)
    paired = evidence.difference("new", "old", ("cars",), 0.95)
    means = {
        (row, "cars"): float(np.mean(list(evidence.answers[row, "cars"].points.values()))) for row in ("new", "old")
    }
    unpaired = PublishedEvidence(means, {"cars": 400}, ("cars",)).difference("new", "old", ("cars",), 0.95)
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.high - paired.low < 0.8 * (unpaired.high - unpaired.low)


@pytest.mark.parametrize("change", [{"labels": LABELS[::-1]}, {"metric": "mean_per_class"}])
def test_rows_on_different_items_are_never_paired(change: dict) -> None:
    evidence = measured(0.6, 0.4)
    old = evidence.answers["old", "cars"]
    other = Answers(**{"points": old.points, "labels": old.labels, "metric": old.metric, **change})
    broken = MeasuredEvidence({**evidence.answers, ("old", "cars"): other}, TWO)
    with pytest.raises(ValueError, match="not measured on the same test items of cars"):
        evaluate(EVERY, broken)


# Published values of the tables --------------------------------------------------------------------------------------


def test_verdicts_on_the_published_values() -> None:
    """All claims of all tables are held or undecided on their own values; the undecided targets are these."""
    items = {target.name: target.test for target in paper_targets()}
    undecided = {}
    for name in table_names():
        table = load_table(name)
        for claim in table.claims:
            result = evaluate(claim, PublishedEvidence(table.cells(), items, table.columns))
            assert result.verdict in ("held", "undecided"), claim.id
            if result.verdict == "undecided":
                open_targets = [d.target for d in result.details if d.verdict != "held"]
                undecided[f"{name}/{claim.id}"] = [] if result.overall else open_targets
    assert undecided == UNDECIDED_ON_PUBLISHED


def test_aircraft_at_one_percent_is_within_noise() -> None:
    table = load_table("2")
    claim = next(claim for claim in table.claims if claim.id == "simcore-beats-random-at-1")
    items = {target.name: target.test for target in paper_targets()}
    result = evaluate(claim, PublishedEvidence(table.cells(), items, table.columns))
    aircraft = next(detail for detail in result.details if detail.target == "aircraft")
    assert aircraft.estimate.value == pytest.approx(0.21)
    assert aircraft.estimate.low < 0 < aircraft.estimate.high and aircraft.verdict == "undecided"


def test_tables_and_claims_load_without_numpy() -> None:
    code = (
        "import sys; from benchmark.published.tables import load_table, table_names;"
        "[load_table(n) for n in table_names()];"
        "print([m for m in ('numpy', 'scipy', 'torch', 'pandas', 'sklearn', 'tabulate') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
