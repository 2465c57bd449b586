"""What `sample` says beside the list: the card, its verdict, the curve, the sheet, the plan; images that look alike."""

import re
import shutil
import sys

import numpy as np
import pytest
from noise_folders import picks, save_noise
from PIL import Image

from benchmark.commands.sample import show_card
from benchmark.commands.sample.card import METRICS, verdict
from benchmark.commands.sample.contact_sheet import contact_sheet
from benchmark.commands.sample.estimate import STARTING, Estimate, Part, spoken
from benchmark.commands.sample.job import prepare
from benchmark.commands.sample.request import Request
from benchmark.execution.run import Machine
from benchmark.execution.store import Store
from benchmark.images.scan import open_source
from benchmark.images.sources import NamedFolders, Source
from benchmark.planning.encoders import embedding_of
from benchmark.planning.profiles import MINI


@pytest.fixture
def card_lines(sampled, tmp_path):
    """The card of a coreset of 15 images."""
    sampled("--budget", "15")
    return (tmp_path / "coreset.md").read_text().splitlines()


def values(lines, title):
    """The numbers of a line of a table."""
    (line,) = [line for line in lines if line.startswith(f"| {title}")]
    return [float(cell) for cell in line.split("|")[3:-1]]


def test_every_measure_stands_beside_a_random_draw_and_the_pool(card_lines):
    assert "| measure | better | coreset | random, as many | whole pool |" in card_lines
    assert all(len(values(card_lines, one.title)) == 3 for one in METRICS.values())
    nearest, random, pool = values(card_lines, METRICS["target_to_picks"].title)
    # The whole pool holds every pick, so that no coreset is nearer; this one has the pool's blue images.
    assert random < nearest <= pool
    (line,) = [line for line in card_lines if "random draw of as many" in line]
    assert line.startswith("**It is closer to your images than a random draw of as many on ")


def test_the_verdict_counts_the_measures_of_closeness_by_their_direction():
    random = dict.fromkeys(METRICS, 0.5)
    better = {**random, "coverage_radius": 0.4, "mmd2": 0.6, "coverage": 0.6, "facility_location": 9.0}
    assert verdict(better, random) == "closer to your images than a random draw of as many on 2 of 5 measures"
    assert verdict({}, random) == ""


def test_shares_of_folders_stand_beside_the_pools(card_lines):
    shares = [line for line in card_lines if line.startswith("| part")]
    assert [line.split("|")[3].strip() for line in shares] == ["50.0 %", "50.0 %"]
    assert sum(float(line.split("|")[2].rstrip("% ")) for line in shares) == pytest.approx(100, abs=0.2)


def test_the_encoder_stands_beside_random_weights(card_lines):
    assert "| measure | better | encoder | random weights |" in card_lines
    for title in ("effective rank", "alignment", "uniformity"):
        trained, random = values(card_lines, title)
        assert trained != random
    assert any(line.startswith("Pretrained for 2 steps in ") for line in card_lines)
    assert "## Should you pretrain at all?" in card_lines


def test_a_terminal_gets_tables_and_a_pipe_gets_markdown(card_lines, capsys, monkeypatch):
    card = "\n".join(card_lines) + "\n"
    capsys.readouterr()
    show_card(card)
    assert capsys.readouterr().out == card
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    show_card(card)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "| ---" not in shown and "coverage radius" in shown and max(map(len, shown.splitlines())) <= 80


def test_near_duplicates_of_target_images_are_named(sampled, folders, tmp_path):
    shutil.copytree(folders / "pool", tmp_path / "pool")
    with Image.open(folders / "mine" / "03.png") as image:
        image.resize((88, 80), Image.Resampling.LANCZOS).save(tmp_path / "pool" / "part0" / "larger.png")
    code, out = sampled("--budget", "15", pool=tmp_path / "pool")
    named = "part0/larger.png like 03.png"
    (note,) = [line for line in out.err.splitlines() if line.startswith("note: 1 image of pool")]
    assert code == 0 and named in note
    (line,) = [line for line in out.out.splitlines() if named in line]
    picked = int("part0/larger.png" in picks(tmp_path / "coreset.txt"))
    assert line.startswith(f"* 1 image of the pool look like your own, {picked} of them are picks")


def test_the_curve_marks_the_threshold_of_the_stopping_rule(sampled, store, tmp_path):
    code, _ = sampled("--budget", "stop")
    assert code == 0 and (tmp_path / "coreset.curve.png").read_bytes().startswith(b"\x89PNG")
    size = len(picks(tmp_path / "coreset.txt"))
    record = next(
        one.record for one in Store(store).finished("sample")
        if one.record.metrics["size"] == size and "f_curve" in one.record.info
    )  # fmt: skip
    assert record.info["threshold"] == pytest.approx(0.95 * record.info["f_curve"][0])


def test_the_plan_names_the_stages_and_runs_none(sampled, folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmark.commands.sample.command.execute", lambda *_: pytest.fail("something ran"))
    code, out = sampled("--budget", "15", "--plan", "--sampler", "random")
    lines = out.out.splitlines()
    assert code == 0 and not list(tmp_path.iterdir())
    assert any(line.startswith("pretrain ") for line in lines) and lines[-1].startswith("estimate: about ")
    assert any(line.rstrip().endswith("to do") for line in lines)


def test_a_list_of_picks_is_measured_as_a_selection(sampled, tmp_path):
    sampled("--budget", "6")
    code, out = sampled("--selection", str(tmp_path / "coreset.txt"), out="again.txt")
    assert code == 0 and picks(tmp_path / "again.txt") == picks(tmp_path / "coreset.txt")
    assert "* sampler: list of ids (" in out.out and "| coverage radius" in out.out
    code, out = sampled("--selection", str(tmp_path / "absent.txt"), out="never.txt")
    assert code == 2 and "absent.txt': --selection is a list of ids" in out.err


def test_a_pool_without_test_images(sampled, folders, tmp_path):
    shutil.copytree(folders / "pool", tmp_path / "pool")
    shutil.copytree(folders / "mine", tmp_path / "birds" / "train")
    for number in range(4):
        save_noise(tmp_path / "birds" / "test" / f"{number}.png", 700 + number, "blue")
    shutil.copy(tmp_path / "birds" / "test" / "2.png", tmp_path / "pool" / "part1" / "leak.png")
    places = {"target": tmp_path / "birds" / "train", "pool": tmp_path / "pool"}
    code, out = sampled("--budget", "60", "--without-leaks", **places)
    assert code == 0 and "1 of 61 images of pool" in out.err
    assert "part1/leak.png" not in picks(tmp_path / "coreset.txt") and len(picks(tmp_path / "coreset.txt")) == 60


def test_without_a_test_folder_there_are_no_leaks_to_drop(sampled, folders):
    code, out = sampled("--budget", "5", "--without-leaks")
    assert code == 2 and "has no folder test beside it" in out.err.splitlines()[-1]


@pytest.mark.parametrize(("target", "count", "columns"), [(12, 60, 8), (12, 5, 5), (3, 60, 3), (12, 1, 1)])
def test_a_sheet_has_no_empty_places(folders, tmp_path, target, count, columns):
    def source(role, name):
        return open_source(NamedFolders(), role, str(folders / name), "train", tmp_path)

    own, pool = source("targets", "mine"), source("opensets", "pool")
    own = _first(own, target)
    positions = np.arange(count, dtype=np.int64)
    sheet = contact_sheet(own, pool, positions, np.linspace(1, 0, count, dtype=np.float32))
    side = sheet.width // columns
    assert sheet.width == columns * side
    pixels = np.asarray(sheet).min(axis=2)
    rows = np.flatnonzero((pixels < 250).mean(axis=1) > 0.5)
    # In every line of pixels with images all of the row's places are taken.
    places = pixels[rows].reshape(len(rows), columns, side)
    assert len(rows) and ((places < 250).mean(axis=2) > 0.5).all()


def _first(source, count):
    from benchmark.images.leaks import rows_of

    return Source(source.items, rows_of(source.manifest, range(count)))


def mini_encoder(folders, store, **fields):
    """The training that a sample of the profile mini plans for its encoder, and how its features are taken."""
    request = Request(str(folders / "mine"), str(folders / "pool"), store=store, **fields)
    encoder = prepare(request, Machine("cpu")).encoder
    return encoder.stage.spec.recipe, encoder.embedding


def test_a_first_coreset_takes_a_quick_encoder_and_steps_that_of_the_tables(folders, tmp_path):
    quick, embedding = mini_encoder(folders, tmp_path)
    assert (quick.length.steps, quick.augmentation.size) == (MINI.quick.steps, MINI.quick.crop)
    assert embedding == MINI.embedding == embedding_of(quick)
    longer, _ = mini_encoder(folders, tmp_path, steps=MINI.steps)
    assert longer == MINI.setup().recipe


def test_an_estimate_says_what_is_left_and_names_what_takes_long():
    parts = (
        Part("a", 130.0, False, "training"),
        Part("b", 700.0, True, "training"),
        Part("c", 34.0, False, "features"),
    )
    known = Estimate(10.0, 164.0, parts, "420 images a second")
    assert known.seconds == pytest.approx(174 + STARTING)
    assert known.text == "estimate: about 3 min on CPU cores (training 2 min 10 s, features 30 s; 420 images a second)"
    assert Estimate(0.0, 0.0, parts[1:2], "").text == "estimate: all stages are in the store"
    short = Estimate(1.0, 1.0, (Part("d", 1.0, False, "features"),), "").render().splitlines()
    assert "under 5 s" in short[2] and not any("about under" in line for line in short)
    assert [spoken(seconds) for seconds in (3, 12, 61, 7500)] == ["under 5 s", "10 s", "1 min", "2 h 5 min"]
