"""Purity from labels to a table: against counts by hand over the names of the picks."""

import numpy as np
import pytest
from PIL import Image

from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.report.collect import collect
from benchmark.specs.artefacts import PICKS

# Folder of the pool: its images, source, relevance to the target.
POOL = {
    "kept-near": (7, "web", 1),
    "kept-far": (11, "web", 0),
    "cut-near": (13, "leaves-heldout", 1),
    "cut-far": (9, "leaves-heldout", 0),
}


def picture(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "PNG")


@pytest.fixture
def data_root(tmp_path):
    """Target `leaves` and open-set `pool`, some of whose images are of the source that the target was cut from."""
    root, number = tmp_path / "data", 0
    folders = [("targets/leaves/train/ash", 2), ("targets/leaves/test/ash", 2)]
    folders += [(f"opensets/pool/train/{name}", count) for name, (count, _, _) in POOL.items()]
    for folder, count in folders:
        for place in range(count):
            number += 1
            picture(root / folder / f"{place}.png", number)
    rows = [f"{name},{source},{relevant}" for name, (_, source, relevant) in POOL.items()]
    (root / "opensets/pool/relevance.csv").write_text("\n".join(["dir,source,rel_leaves", *rows]) + "\n")
    return root


def folders_of(store, stage):
    lines = store.file(stage, PICKS).read_text().splitlines()
    return [line.partition("/")[0] for line in lines if not line.startswith("#")]


def by_hand(picked, pool):
    """Purity, base rate and ceiling of picks among a pool, both given by their folders."""
    relevant = {name for name, (_, _, mark) in POOL.items() if mark}
    hits, there = (sum(name in relevant for name in names) for names in (picked, pool))
    return {
        "purity": hits / len(picked),
        "base_rate": there / len(pool),
        "ceiling": min(1.0, there / len(picked)),
        "picked": len(picked),
        "pool": len(pool),
    }


def test_images_of_the_targets_own_source_leave_purity_without_held_out(tmp_path, data_root, run_here):
    session = PlannedTable(
        Query("2", profile="mini", targets=("leaves",), openset="pool", data_root=data_root, store=tmp_path / "runs")
    )
    session.read_data(lambda *_: None)
    (row,) = (row for row in session.rows if row.variant.name == "X+random(5%)")
    half = row.variant.model_copy(update={"budget": "50%"})
    planner = session.planner(row)
    sample = planner.sample(half, "leaves", "pool", 0)
    purity = planner.purity(sample, "leaves", "pool")
    store = run_here(session, [purity])
    picked = folders_of(store, sample)
    pool = [name for name, (count, _, _) in POOL.items() for _ in range(count)]
    assert len(picked) == 20 and set(picked) == set(POOL)
    kept = [[name for name in names if name.startswith("kept")] for names in (picked, pool)]
    metrics = store.record(purity).metrics
    assert metrics == {"all": by_hand(picked, pool), "without_heldout": by_hand(*kept)}
    cut = [[name for name in names if name.startswith("cut")] for names in (picked, pool)]
    assert len({by_hand(*names)["purity"] for names in ((picked, pool), kept, cut)}) == 3


def test_a_table_shows_the_base_rate_and_the_ceiling_beside_the_purity(finished_small_run):
    """Stand-ins: 45 of 2,000 images are relatives of dtd."""
    session, store = finished_small_run
    cells = {cell.row: cell for cell in collect(session.values(), session.store).cells}
    sampled = {row: cell for (row, _, _), cell in session.cells.items() if cell.sample is not None}
    assert len(sampled) == 3
    for row, cell in sampled.items():
        picked = [folder.partition("__")[0] for folder in folders_of(store, cell.sample)]
        (run,) = cells[row].runs
        assert run.values["purity"] == pytest.approx(100 * picked.count("dtd") / len(picked))
        assert run.values["base_rate"] == pytest.approx(100 * 45 / 2000)
        assert run.values["ceiling"] == pytest.approx(100 * min(1, 45 / len(picked)))
        assert len({run.values["purity"], run.values["base_rate"]}) == 2 and run.values["images"] == len(picked)
