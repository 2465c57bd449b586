"""`--without-leaks`: what `data check` found is dropped from the open-set, and only that changes keys."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.images.inspection import Inspection
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.progress import silent
from benchmark.specs.stages import Stage

POOL = ("opensets", "pool", "train")


def save(seed: int, path: Path) -> None:
    """A smooth coloured picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((48, 36), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Targets `leaves` and `birds`, and open-set `pool` of twenty images, none of them a test image."""
    seed = 0
    for target in ("leaves", "birds"):
        for item in ("train/a/0.png", "train/b/1.png", "test/a/2.png", "test/b/3.png"):
            seed += 1
            save(seed, tmp_path / "data/targets" / target / item)
    for number in range(20):
        save(100 + number, tmp_path / "data/opensets/pool/train" / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def leak(root: Path, target: str, seed: int, name: str) -> None:
    """Put a test image of the target into the pool."""
    save(seed, root / "targets" / target / f"test/a/{name}.png")
    save(seed, root / "opensets/pool/train" / f"{name}.bmp")


def check(root: Path, store: Path, *targets: str) -> None:
    Inspection(DataRoot(root), store).inspect(targets, ["pool"])


def data(root: Path, store: Path, *targets: str) -> Data:
    return Data(root, standins=False, cache=store, without_leaks=targets)


def session(root: Path, store: Path, without: bool, **fields: object) -> PlannedTable:
    query = {"targets": ("leaves",), "openset": "pool", "rows": ("X", "OS", "X+OS_simcore_5"), **fields}
    return PlannedTable(Query("2", profile="mini", data_root=root, store=store, without_leaks=without, **query))  # type: ignore[arg-type]


def keys(planned: PlannedTable) -> dict[str, list[str]]:
    return {row: [stage.key for stage in cell.ends()] for (row, _, _), cell in planned.cells.items()}


def test_an_open_set_without_leaks_keeps_its_keys(root: Path, store: Path) -> None:
    check(root, store, "leaves")
    with_all, without = session(root, store, False), session(root, store, True)
    for planned in (with_all, without):
        planned.read_data(silent)
    assert keys(with_all) == keys(without) and all(stage.resolved for stage in without.plan.stages)


def test_a_leak_is_dropped_and_changes_the_keys_of_what_uses_the_open_set(root: Path, store: Path) -> None:
    # A clean probe needs a class with two images.
    save(59, root / "targets/leaves/train/a/more.png")
    leak(root, "leaves", 60, "stolen")
    check(root, store, "leaves")
    plain, without = data(root, store), data(root, store, "leaves")
    whole, kept = plain.manifest(*POOL), without.manifest(*POOL)
    assert whole is not None and kept is not None
    assert set(whole.ids) - set(kept.ids) == {"stolen.bmp"} and len(kept) == 20
    before, after = keys(session(root, store, False)), keys(session(root, store, True))
    assert before["X"] == after["X"] and before["OS"] != after["OS"]
    assert before["X+OS_simcore_5"] != after["X+OS_simcore_5"]


def test_the_identity_is_that_of_an_open_set_that_never_had_the_images(root: Path, store: Path) -> None:
    check(root, store, "leaves")
    clean = data(root, store).images(*POOL)
    leak(root, "leaves", 60, "stolen")
    check(root, store, "leaves")
    assert data(root, store, "leaves").images(*POOL).sha256 == clean.sha256 != data(root, store).images(*POOL).sha256


def test_images_of_a_run_are_those_that_are_left_in_workers_too(root: Path, store: Path) -> None:
    leak(root, "leaves", 60, "stolen")
    check(root, store, "leaves")
    here = data(root, store, "leaves")
    pool = here.images(*POOL)
    for one in (here, pickle.loads(pickle.dumps(here))):
        source = one.verified_source(pool)
        assert "stolen.bmp" not in source.manifest.ids and len(source) == pool.count == 20
        assert one.squares(pool, 16).shape == (20, 16, 16, 3)
    with pytest.raises(UserError, match="has changed since the run began"):
        data(root, store).verified_source(pool)


def test_what_is_left_depends_on_the_targets_of_the_run_and_not_on_what_else_the_store_has_checked(
    root: Path, store: Path
) -> None:
    leak(root, "leaves", 60, "of-leaves")
    leak(root, "birds", 61, "of-birds")
    check(root, store, "leaves")
    before = data(root, store, "leaves").images(*POOL)
    check(root, store, "birds")
    after, both = data(root, store, "leaves"), data(root, store, "leaves", "birds")
    assert after.images(*POOL) == before and before.count == 21
    assert "of-birds.bmp" in after.manifest(*POOL).ids and both.images(*POOL).count == 20  # type: ignore[union-attr]
    (line,) = after.leak_notes(["leaves"], ["pool"], demanded=False)
    assert line == "opensets/pool: test images found in it: 1 (1 of leaves), left out"


def test_a_run_without_a_check_is_refused_before_anything_is_read(root: Path, store: Path) -> None:
    check(root, store, "birds")
    question = data(root, store, "leaves", "birds")
    with pytest.raises(UserError) as error:
        question.read([("targets", "leaves", "train"), POOL])
    assert "not searched for test images of leaves (benchmark data check leaves pool)" in str(error.value)
    assert data(root, store).manifest("targets", "leaves", "train") is None


def test_a_plan_scans_nothing_and_leaves_keys_open(root: Path, store: Path) -> None:
    open_source(DataRoot(root), "opensets", "pool", "train", store)
    planned = session(root, store, True)
    stages: tuple[Stage, ...] = planned.plan.stages
    assert not any(stage.resolved for stage in stages if "pool" in str(list(stage.images())))
    assert planned.leak_notes() == [
        "opensets/pool: not searched for test images of leaves (benchmark data check leaves pool)"
    ]
    assert not (store / "leaks").exists() and not (store / "checks").exists()


def test_a_plan_needs_no_data_root(store: Path) -> None:
    planned = PlannedTable(
        Query("2", profile="paper", targets=("cub",), rows=("X", "OS"), store=store, without_leaks=True)
    )
    assert planned.plan.stages and planned.leak_notes() == []


def test_new_images_ask_for_a_new_check(root: Path, store: Path) -> None:
    check(root, store, "leaves")
    save(200, root / "opensets/pool/train/new.png")
    open_source(DataRoot(root), "opensets", "pool", "train", store)
    assert data(root, store, "leaves").images(*POOL).sha256 is None
    check(root, store, "leaves")
    assert data(root, store, "leaves").images(*POOL).sha256 is not None


def test_tables_say_whether_the_open_set_was_searched(root: Path, store: Path) -> None:
    both = ("leaves", "birds")
    for item in ("targets/leaves", "targets/birds"):
        for split in ("train", "test"):
            open_source(DataRoot(root), "targets", item.rpartition("/")[2], split, store)  # type: ignore[arg-type]
    open_source(DataRoot(root), "opensets", "pool", "train", store)
    notes = session(root, store, False, targets=both).values().layout.notes
    assert any(note.startswith("opensets/pool: not searched for test images of leaves, birds") for note in notes)
    check(root, store, *both)
    assert "opensets/pool: no test image of leaves, birds was found in it" in (
        session(root, store, False, targets=both).values().layout.notes
    )
    leak(root, "birds", 61, "of-birds")
    check(root, store, *both)
    text = "opensets/pool: test images found in it: 1 (1 of birds), "
    assert session(root, store, False, targets=both).leak_notes()[-1] == text + "kept (--without-leaks drops them)"
    assert session(root, store, True, targets=both).leak_notes()[-1] == text + "left out"


def test_protocol_clean_asks_for_a_check_of_registered_data(root: Path, store: Path) -> None:
    for role, name, other in (("targets", "leaves", "cub"), ("opensets", "pool", "imagenet")):
        (root / role / other).symlink_to(root / role / name)
    for split in ("train", "test"):
        open_source(DataRoot(root), "targets", "cub", split, store)  # type: ignore[arg-type]
    open_source(DataRoot(root), "opensets", "imagenet", "train", store)
    question = {"targets": ("cub",), "openset": "imagenet"}
    (clean,) = session(root, store, False, protocol="clean", **question).leak_notes()
    (released,) = session(root, store, False, protocol="released", **question).leak_notes()
    assert clean == released + "; protocol clean asks for it on registered data"


def test_all_is_searched_part_by_part(root: Path, store: Path) -> None:
    leak(root, "leaves", 60, "stolen")
    for part in ("coco", "inaturalist", "imagenet", "places"):
        (root / "opensets" / part).symlink_to(root / "opensets/pool")
    images = DataRoot(root)
    open_source(images, "opensets", "all", "train", store)
    Inspection(images, store).inspect(["leaves"], ["coco", "inaturalist", "imagenet"])
    # The four links are one folder: by contents the fourth part is known too.
    kept = data(root, store, "leaves").manifest("opensets", "all", "train")
    whole = data(root, store).manifest("opensets", "all", "train")
    assert whole is not None and kept is not None
    parts = ("coco", "inaturalist", "imagenet", "places")
    assert set(whole.ids) - set(kept.ids) == {f"{part}/stolen.bmp" for part in parts}


def test_stand_ins_leak_nothing(store: Path) -> None:
    planned = PlannedTable(
        Query("2", profile="smoke", targets=("cub",), rows=("X", "OS"), store=store, without_leaks=True)
    )
    assert planned.data.without_leaks == () and planned.leak_notes() == []
    assert all(stage.resolved for stage in planned.plan.stages)
