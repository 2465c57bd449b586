"""Every measured number of README.md and docs/ stands in a block that a script writes from the records."""

import inspect
import math
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from baselines import SimCore
from baselines.core.clauses import LARGE, SMALL, WORST_GROWTH
from baselines.core.ranking import CACHE_NUMBERS
from baselines.metrics import DUPLICATE_COSINE
from benchmark.datasets.targets import TARGETS
from benchmark.datasets.targets.celeba import LEAST, SHARE
from benchmark.images.journal import LINES
from benchmark.images.scan import SKIPPABLE
from benchmark.planning.costs import Costs, Training
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.profiles import find_profile
from benchmark.planning.query import Query
from benchmark.published.claims import evaluate
from benchmark.published.power import needed
from benchmark.published.tables import load_table
from scripts import bench_record, docs_blocks, docs_values, write_docs
from scripts.race_table import goals
from scripts.write_docs import BLOCK, NUMBER, TOKEN, Wrong, documents, written

ROOT = Path(__file__).resolve().parents[2]
NAMES = [str(path.relative_to(ROOT)) for path in documents()]
IMAGENET = 1_281_167


@pytest.mark.parametrize("name", NAMES)
def test_all_blocks_are_what_the_records_give(name):
    """`python -m scripts.write_docs` mends what fails here."""
    text = (ROOT / name).read_text()
    assert written(text) == text


# What the script does ------------------------------------------------------------------------------------------------

ACCURACY = "<!-- numbers: accuracy; results/mini/longer -->\n\n| old |\n\n<!-- end -->\n"
VALUES = (
    "<!-- values in mini/longer: ./flowers12/X/accuracy; 1,600; ./mean/X+OS_simcore_5 minus X/value -->\n{}<!-- end -->"
)


def test_a_table_is_written_from_its_records():
    assert "| X                                    |       54.01 |" in written(f"before\n{ACCURACY}after\n")


def test_numbers_of_a_text_are_written_with_their_sign_and_decimals():
    text = VALUES.format("X has 1.2 % after 1,600 steps with `7 s` of code; SimCore +9.99 points.\n")
    assert "X has 54.0 % after 1,600 steps with `7 s` of code; SimCore -1.85 points." in written(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (VALUES.format("X has 1 after 1,600 steps.\n"), "2 numbers .* for 3 names"),
        (VALUES.format("X has 1 after 1,601 steps, +1.\n"), "1,601 where 1,600 is named"),
        ("<!-- values: mini/longer/flowers12/Y/accuracy -->\n1\n<!-- end -->", "no value is named"),
        ("<!-- numbers: nothing; results/mini/longer -->\n<!-- end -->", "nothing"),
        ("<!-- numbers: accuracy; results/mini/none -->\n<!-- end -->", "layout.json"),
        ("<!-- numbers: accuracy; results/mini/longer -->\n", "does not end"),
        ("1 <!-- end -->\n", "does not begin"),
    ],
)
def test_a_block_that_cannot_be_written_says_why(text, message):
    with pytest.raises(Wrong, match=message):
        written(text)


def test_the_command_shows_or_mends_what_differs(tmp_path, monkeypatch, capsys):
    page = tmp_path / "README.md"
    page.write_text(ACCURACY)
    monkeypatch.setattr(write_docs, "ROOT", tmp_path)
    for option, status, output in (("--check", 1, "+| X "), ("", 0, "README.md written"), ("--check", 0, "")):
        monkeypatch.setattr("sys.argv", ["write_docs", *option.split()])
        assert write_docs.main() == status and output in capsys.readouterr().out
        assert ("54.01" in page.read_text()) == (output != "+| X ")
    page.write_text("1 <!-- end -->\n")
    with pytest.raises(SystemExit, match=r"README.md: a block begins"):
        write_docs.main()


def test_values_are_combined():
    rounds = [docs_values.value(f"{MAE}/s{seed}/rounds") for seed in (0, 1, 2)]
    assert docs_values.value(f"min {MAE}/s*/rounds") == min(rounds)
    assert docs_values.value(f"{MAE}/rounds - {MAE}/s0/rounds") == pytest.approx(sum(rounds) / 3 - rounds[0])
    assert docs_values.value("mini/longer/flowers12/X/accuracy x 2 / 4") == pytest.approx(54.0123 / 2, abs=1e-4)


def test_a_case_that_keeps_its_rounds_gives_each_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(docs_values, "RESULTS", tmp_path)
    cases = [{"way": "SimCore, 5%", "seconds": [3.0, 2.0]}, {"way": "bare", "seconds": [4.0]}]
    bench_record.save(tmp_path / "bench" / "samplers.json", cases, "a test")
    assert docs_values.value("min bench/samplers/way=SimCore, 5%/seconds, bench/samplers/way=bare/seconds") == 2
    assert docs_values.value("bench/samplers/way=bare/seconds") == 4
    with pytest.raises(ValueError, match="too many"):
        docs_values.value("bench/samplers/way=SimCore, 5%/seconds")


def test_a_record_of_a_part_is_not_called_by_the_full_size(tmp_path):
    case = {"case": "a", "way": "SimCore", "seconds": [3.0, 2.0], "cpu": [1.0, 2.5], "bytes": [2.0**20, 2.0**22]}
    cases = [{**case, "case": name} for name in docs_blocks.SPEED_TITLES]
    bench_record.save(tmp_path / "whole.json", cases, "a test", scale=1.0)
    assert "| SimCore |   2 |     2.5 |                1.00 |           4 |" in docs_blocks.speed(
        tmp_path / "whole.json"
    )
    bench_record.save(tmp_path / "part.json", cases, "a test", scale=0.5)
    with pytest.raises(ValueError, match=r"of scale 0\.5"):
        docs_blocks.speed(tmp_path / "part.json")


MAE = "mini/methods/flowers12/mae_X+OS_simcore_stop"


# Outside of blocks ---------------------------------------------------------------------------------------------------

HIDDEN = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|<!--.*?-->|https?://\S+", re.S)
UNITS = (
    "%|m?s|seconds?|minutes?|hours?|GPU-hours|days|[KMGT]i?B(?:/s)?|G?FLOP/s|images|pictures|points?|times|rounds|picks"
)
BUDGETS = re.compile(r"(?:\bat|\bits|\bp =|random|SimCore(?:'s)?|budgets 1 % and|budgets|\()\s*[15] %")
"""The shares of the open-set that rows pick, which are no measurements."""
PLAIN = r"\d+(?:,\d{3})*(?:\.\d+)?"
MEASURED = re.compile(
    rf"""(?<![\w.]) \d+(?:,\d{{3}})* \.\d+ (?!\w|\.\d)              # a decimal
    | (?<![\w.-]) {PLAIN} (?:\ (?:to|and|or|against)\ {PLAIN})* \ ?(?:{UNITS}) (?!\w)   # a number with a unit
    | ± \ ?\d | (?<![\w/-]) [+-] {PLAIN} (?!\w)                       # a spread, a signed number
    | (?<=\|\ ) [*]* {PLAIN} [*]* (?=\ \|)                           # a cell of a table that is nothing but a number
    """,
    re.VERBOSE,
)


class Allowed(NamedTuple):
    """Numbers outside of blocks that nobody measured: `words` around them, and what they must be (None: an edition)."""

    document: str
    words: str
    numbers: list[float] | None


def growth():
    """The exponent of the most that a sampler may grow by."""
    return math.log(WORST_GROWTH) / math.log(LARGE / SMALL)


def mini(field):
    return getattr(find_profile("mini"), field)


def claimed_gain():
    return next(claim.gain for claim in load_table("table2").claims if claim.kind == "mean_gain")


def shares_at_the_cap():
    """Per cent of ImageNet that the cap of 50 |X| is, for the targets that end there."""
    sizes = {target.name: target.train for target in TARGETS}
    shares = [round(100 * 50 * sizes[name] / IMAGENET, 2) for name in ("pets", "flowers", "stanford40")]
    assert [load_table("table2").stopped_share(name) for name in ("pets", "flowers", "stanford40")] == pytest.approx(
        shares, abs=0.05
    )
    return [14.4, 7.96, 15.6]


def times_the_images_of_x(row):
    """Least and largest share of what a row of the paper profile sees in what X sees, over the targets."""
    session = PlannedTable(Query(table="2", profile="paper", store=ROOT / "no-store"))
    costs = Costs(session)

    def seen(name: str, target: str) -> Training:
        return costs.training(session.cells[name, target, 0].pretrain, target)

    times = [seen(row, target).samples / seen("X", target).samples for target in session.targets]
    return min(times), max(times)


def default(function, name):
    return inspect.signature(function).parameters[name].default


def percent(part, whole, decimals):
    return round(100 * part / whole, decimals)


POOL = 16_481
SOURCES = {
    "tin": 8_000,
    "birds-heldout": 1_786,
    "caltech101": 1_515,
    "cifar10": 1_500,
    "in1k": 1_000,
    "grocery-heldout": 930,
    "det200": 600,
    "scenes15": 450,
    "flowers-heldout": 400,
    "clothing": 300,
}
"""Images of each source of the open-set `mixed`."""
TABLES = {2: "SimCLR, ResNet-50", 3: "SimCLR on", 4: "BYOL, SwAV", 5: "open-sets ImageNet"}
RESNET18 = {"method": "simclr", "network": "resnet18", "px": 48}
PAPER, SIMCORE = find_profile("paper"), SimCore.paper()
PYTHON = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
ALLOWED = [
    *(Allowed("docs/data.md", f"| {name} | {count:,} |", [count]) for name, count in SOURCES.items()),
    Allowed("README.md", "reports +10.5 points over X alone", [claimed_gain()]),
    Allowed("README.md", "the +10.5 in the README of its code", [claimed_gain()]),
    *(Allowed("docs/reproduce.md", f"| {table} | {words}", [table]) for table, words in TABLES.items()),
    Allowed("docs/results.md", "95 % of it is reached", [100 * SIMCORE.tau]),
    Allowed("README.md", "Python 3.11 or later", [float(PYTHON.removeprefix(">="))]),
    Allowed("README.md", "with a 95 % interval", [95]),
    Allowed("README.md", "in brackets 95 % intervals", [95]),
    Allowed("docs/add-a-sampler.md", "with a 95 % interval", [95]),
    *(Allowed("docs/add-a-sampler.md", f"{cost} grows by less than N^1.6", [growth()]) for cost in ("time", "memory")),
    Allowed("docs/add-a-sampler.md", "above cosine 0.95", [DUPLICATE_COSINE]),
    Allowed("docs/data.md", "open-set (at most 1 % of it)", [100 * SKIPPABLE]),
    Allowed("docs/data.md", "a split of 256 images", [LINES]),
    Allowed("docs/data.md", "goes on from the last 256 images", [LINES]),
    Allowed("docs/data.md", "at most 40 images a split", None),
    Allowed("docs/data.md", "identities with at least 15 images", [LEAST]),
    Allowed("docs/data.md", "of each the first int(0.8 n) by number", [SHARE]),
    Allowed("docs/engines.md", "(1.0.2, of 2021) pins torch 1.9", None),
    Allowed("docs/engines.md", "(lightning 2.1.2, torchmetrics below 0.12)", None),
    Allowed("docs/speed.md", "(ResNet-18: 95 %)", [100 * goals(RESNET18, "of_bare")]),
    Allowed("docs/speed.md", "aims at 1.40 times", [goals(RESNET18, "of_solo")]),
    Allowed("docs/engines.md", "the label -1 for every image", None),
    Allowed("docs/engines.md", "ResNet-18, -50, -101 and ResNeXt-50 32x4d", None),
    Allowed(
        "docs/engines.md", "stochastic depth 0.2", [PAPER.setup("simclr", "efficientnet_b0").recipe.backbone.drop_path]
    ),
    Allowed("docs/engines.md", "| 1 (BYOL: 0.4) | 0.4 |", None),
    Allowed("docs/engines.md", "keys of the same 128 images", [PAPER.setup("moco").recipe.batchnorm_group]),
    Allowed("docs/protocol.md", "arXiv 2303.11101", None),
    Allowed("docs/protocol.md", "| 10 | 10 |", [10, 10]),
    Allowed("docs/protocol.md", "tau = 0.95 times the *first* round's value", [SIMCORE.tau]),
    Allowed("docs/protocol.md", "(14.4, 7.96 and 15.6 % of ImageNet)", shares_at_the_cap()),
    Allowed("docs/protocol.md", "a patience of 20 rounds fit", [PAPER.patience]),
    Allowed("docs/protocol.md", "20 rounds are at most 2,000 images", [PAPER.patience, PAPER.patience * PAPER.k]),
    Allowed("docs/protocol.md", "0.16 % of ImageNet", [percent(PAPER.patience * PAPER.k, IMAGENET, 2)]),
    Allowed("docs/protocol.md", "they would be 12 %, more than the 5 % budget", [percent(2000, POOL, 0), 5]),
    Allowed(
        "docs/protocol.md",
        "(at most 100 images, 0.6 %)",
        [mini("k") * mini("patience"), percent(mini("k") * mini("patience"), POOL, 1)],
    ),
    Allowed("docs/protocol.md", "since scikit-learn 1.4", None),
    Allowed("docs/protocol.md", "sees 1.8 to 13 times the images", times_the_images_of_x("X+OS_simcore_stop")),
    Allowed("docs/protocol.md", "200 epochs: 4 to 25 times", (200, *times_the_images_of_x("X+OS"))),
    Allowed("docs/protocol.md", "a batch of 512 images", [PAPER.setup("simclr").recipe.batch]),
    Allowed("docs/protocol.md", "before they are divided by 0.07", [PAPER.setup("simclr").recipe.method.temperature]),
    Allowed(
        "docs/protocol.md", "keeps its momentum at 0.996", [PAPER.setup("byol").target_only_recipe.method.ema.final]
    ),
    Allowed("docs/protocol.md", "256: 64 images on the four GPUs", [256, 64]),
    Allowed("docs/protocol.md", "by a 95 % confidence interval", [100 * default(evaluate, "confidence")]),
    Allowed("docs/protocol.md", "with a probability of 80 %", [100 * default(needed, "power")]),
    Allowed("docs/protocol.md", "by 3 points or so", None),
    Allowed("docs/results.md", "beats X by 10.5 points on average", [claimed_gain()]),
    Allowed("docs/results.md", "X + random, p = 5 %; X + SimCore, p = 5 %", [5, 5]),
    Allowed("docs/results.md", "X + random 5 % and X + SimCore 5 %", [5, 5]),
    Allowed("docs/results.md", "X + SimCore 5 % minus X", [5]),
    Allowed("docs/results.md", "X + SimCore 5 % minus X + random 5 %", [5, 5]),
    Allowed("docs/results.md", "with a 95 % interval", [95]),
    Allowed("docs/results.md", "coreset of 5 % has a purity", [5]),
    Allowed("docs/results.md", "probability of any false verdict at 5 %", [5]),
    Allowed("docs/results.md", "steps of 64 images", [mini("scale").batch]),
    Allowed("docs/results.md", "`mixed` (16,481 images)", [POOL]),
    Allowed("docs/samplers.md", "claim of 98.5 % less sampling time", None),
    Allowed("docs/samplers.md", "above cosine 0.95", [0.95]),
    Allowed("docs/samplers.md", "The goals were: a, 100 times faster than the port and a tenth", None),
    Allowed("docs/samplers.md", "c, 10 million rows in under 4 GB", None),
    Allowed("docs/samplers.md", "b, at most 1.5 times the bare loop", None),
    Allowed("docs/samplers.md", "The goal is 1.25 times the best bare product", None),
    Allowed("docs/samplers.md", "Blocks of 1.25 MiB", [CACHE_NUMBERS * 4 / 2**20]),
    Allowed("docs/samplers.md", "a sample of 1 % of the pool", [1]),
    Allowed("docs/samplers.md", "1 M x 256, 5 %, one thread", None),
    Allowed("docs/samplers.md", "with 95 % intervals over the three seeds", [95]),
    Allowed("docs/samplers.md", "(birds70, 5 %, seeds 0, 1, 2;", [5, 0, 1, 2]),
]


def outside(name, text):
    """Measured numbers outside of blocks, code, comments and what is allowed, each with the words before it."""
    visible = BLOCK.sub(unwritten, text)
    for allowed in sorted(ALLOWED, key=lambda one: -len(one.words)):
        if allowed.document == name:
            visible = pattern(allowed.words).sub(" ", visible)
    visible = BUDGETS.sub(" ", HIDDEN.sub(" ", visible))
    return [visible[max(0, m.start() - 30) : m.end()] for m in MEASURED.finditer(visible)]


def unwritten(block):
    """What the script does not write of a block: the words, and the numbers that are named by themselves."""
    if block["kind"] == "numbers":
        return " "
    names = iter(block["names"].split(";"))
    return TOKEN.sub(lambda token: _kept(token, names) if token["number"] else token[0], block["body"])


def _kept(token, names):
    return token[0] if re.fullmatch(NUMBER, next(names).strip()) else "…"


def pattern(words):
    """The words wherever their line breaks are."""
    return re.compile(r"\s+".join(map(re.escape, words.split())))


@pytest.mark.parametrize("name", NAMES)
def test_no_measured_number_stands_outside_of_a_block(name):
    """A number that is new here: name it in a block, or, where nobody measured it, in ALLOWED with what it must be."""
    assert outside(name, (ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "SimCore has 53.1.",
        "It has 53 % right.",
        "A run takes 12 s, or 3 minutes.",
        "The peak is 24 MiB.",
        "SimCore lies 3 points above X.",
        "It trains on 346 images a second.",
        "SimCore is 17 times as fast, after 838 rounds.",
        "The mean is 52 ± 1.",
        "The difference is -2 (from -4 to +1).",
        "| simcore | 346 |",
        "| simcore | **7** |",
        "Between 16 and 21 % are flowers.",
        "<!-- values: 53.1 -->\nIt has 53.1 %.\n<!-- end -->",
    ],
)
def test_a_measured_number_written_by_hand_is_seen(sentence):
    for name in NAMES:
        assert outside(name, f"{sentence}\n\n{(ROOT / name).read_text()}")


@pytest.mark.parametrize("allowed", ALLOWED, ids=[f"{allowed.document}: {allowed.words}" for allowed in ALLOWED])
def test_allowed_numbers_are_what_the_suite_says_and_stand_there(allowed):
    assert pattern(allowed.words).search((ROOT / allowed.document).read_text()), "no such words: strike them"
    if allowed.numbers is None:
        return
    texts = re.findall(NUMBER, re.sub("`[^`]*`", "", allowed.words))
    assert len(texts) == len(allowed.numbers)
    for text, number in zip(texts, allowed.numbers, strict=True):
        assert round(number, len(text.partition(".")[2])) == float(text.replace(",", ""))


def test_the_sources_of_the_open_set_are_all_of_it():
    assert sum(SOURCES.values()) == POOL == docs_values.value("mini/rows/birds70/X+OS_rand_1/pool_images")
