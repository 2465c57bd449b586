"""Committed records: what is saved verifies, and whatever is changed in it afterwards is noticed."""

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.report.collect import collect
from benchmark.report.formats import render
from benchmark.report.records import save_results, verify
from benchmark.specs.base import canonical_json, digest
from benchmark.specs.stages import Stage
from benchmark.system import file_sha256


@pytest.fixture(scope="module")
def saved(finished_small_run, tmp_path_factory):
    """The folder that a small real run was saved to, and the session. Read it, never change it."""
    session, _ = finished_small_run
    folder = tmp_path_factory.mktemp("results") / "small"
    save_results(session.values(), collect(session.values(), session.store), session.store, folder)
    return folder, session


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[0], tmp_path / "small")


def test_what_is_saved_verifies_and_gives_the_same_table(saved):
    folder, session = saved
    found = verify(folder, "csv")
    assert found.problems == []
    assert found.table == render(collect(session.values(), session.store), "csv")
    assert verify(folder, "md").table == (folder / "table.md").read_text()


def test_a_smoke_table_judges_no_claim(saved):
    """Rendered images beside published values would be called contradicted, claim by claim."""
    _, session = saved
    result = collect(session.values(), session.store)
    assert result.claims == () and len(result.table.claims) > 3
    shown = " ".join(render(result, "text").split())
    assert "Stand-in images judge no claim: the pipeline works, 4 of 4 cells are measured." in shown
    assert not re.search("held:|held on|contradicted|undecided|not judged|missing|failed", shown)


def test_all_that_a_table_rests_on_is_saved(saved):
    folder, session = saved
    assert {path.stem for path in (folder / "records").iterdir()} == {stage.key for stage in session.plan.stages}
    assert {path.stem for path in (folder / "picks").iterdir()} == {
        cell.sample.key for cell in session.cells.values() if cell.sample
    }
    assert {path.stem for path in (folder / "predictions").iterdir()} == {
        cell.evaluate.key for cell in session.cells.values()
    }
    assert len(json.loads((folder / "labels" / "dtd.json").read_text())) == 60


def test_saving_again_changes_nothing(saved, copy):
    folder, session = saved
    save_results(session.values(), collect(session.values(), session.store), session.store, copy)
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 27 and all((folder / one).read_bytes() == (copy / one).read_bytes() for one in files)


# Tampering -----------------------------------------------------------------------------------------------------------


def edit(path, change):
    """Read JSON, have it changed in place, write it."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def change_a_prediction(folder, session):
    key = session.cells["X", "dtd", 0].evaluate.key
    labels = json.loads((folder / "labels" / "dtd.json").read_text())

    def change(predicted):
        place = next(i for i, label in enumerate(labels) if predicted[i] == label)
        predicted[place] += 1

    edit(folder / "predictions" / f"{key}.json", change)
    return "X, dtd, seed 0: the predictions give"


def change_a_wrong_prediction_to_another_wrong_one(folder, session):
    key = session.cells["X", "dtd", 0].evaluate.key
    labels = json.loads((folder / "labels" / "dtd.json").read_text())

    def change(predicted):
        place = next(i for i, label in enumerate(labels) if predicted[i] != label)
        predicted[place] = next(other for other in range(5) if other not in (predicted[place], labels[place]))

    edit(folder / "predictions" / f"{key}.json", change)
    return "X, dtd, seed 0: the predictions are not those that were recorded"


def change_an_accuracy(folder, session):
    key = session.cells["X+OS_simcore_5", "dtd", 0].evaluate.key
    edit(folder / "records" / f"{key}.json", lambda record: record["metrics"].update(accuracy=99.0))
    return "the record says 99.0000 %"


def change_the_labels(folder, session):
    edit(folder / "labels" / "dtd.json", lambda labels: labels.reverse())
    return "X, dtd, seed 0: the predictions give"


def edit_a_pick_list(folder, session):
    key = session.cells["X+OS_rand_5", "dtd", 0].sample.key
    path = folder / "picks" / f"{key}.txt"
    header, *picks = path.read_text().splitlines(keepends=True)
    path.write_text(header + "".join(picks[::-1]))
    return f"the pick list {key[:12]} is not the one that was recorded"


def shorten_a_pick_list(folder, session):
    key = session.cells["X+OS_simcore_stop", "dtd", 0].sample.key
    path = folder / "picks" / f"{key}.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    return f"the pick list {key[:12]} has "


def edit_the_table(folder, session):
    path = folder / "table.md"
    text = path.read_text()
    path.write_text(text.replace("X + OS", "X + os", 1) if "X + OS" in text else text + "\n")
    return "table.md is not the table that the records give"


def raise_a_purity(folder, session):
    key = session.cells["X+OS_rand_5", "dtd", 0].purity.key
    edit(folder / "records" / f"{key}.json", lambda record: record["metrics"]["all"].update(purity=0.9))
    return "table.md is not the table that the records give"


def edit_a_duration(folder, session):
    """What no number of the table follows from."""
    key = session.cells["X", "dtd", 0].pretrain.key
    edit(folder / "records" / f"{key}.json", lambda record: record.update(seconds=1.0))
    return f"record {key[:12]} is not what was written: its own SHA-256 does not hold"


def edit_the_head_of_a_pick_list(folder, session):
    key = session.cells["X+OS_rand_5", "dtd", 0].sample.key
    path = folder / "picks" / f"{key}.txt"
    path.write_text(path.read_text().replace("pick order", "any order"))
    return f"the pick list {key[:12]} is not the file that was recorded"


def rename_a_record(folder, session):
    """One that no cell names: that of SimCore's features."""
    stage = session.cells["X+OS_simcore_5", "dtd", 0].sample.input("pool")
    (folder / "records" / f"{stage.key}.json").rename(folder / "records" / f"{'0' * 64}.json")
    return "record 000000000000 is not named by the hash of its identity"


def rename_a_record_everywhere(folder, session):
    key = session.cells["X", "dtd", 0].pretrain.key
    (folder / "records" / f"{key}.json").rename(folder / "records" / f"{'0' * 64}.json")
    path = folder / "cells.json"
    path.write_text(path.read_text().replace(key, "0" * 64))
    return "record 000000000000 is not named by the hash of its identity"


def edit_an_identity(folder, session):
    """A run of 6 steps that says it was one of 4,000."""
    key = session.cells["X", "dtd", 0].pretrain.key

    def change(record):
        record["identity"]["spec"]["recipe"]["length"]["steps"] = 4000

    edit(folder / "records" / f"{key}.json", change)
    return f"record {key[:12]} is not named by the hash of its identity"


def point_to_another_encoder(folder, session):
    other = session.cells["X+OS_rand_5", "dtd", 0].pretrain.key
    mine = session.cells["X", "dtd", 0]

    def change(cells):
        next(cell for cell in cells if cell["row"] == "X")["keys"]["pretrain"] = other

    edit(folder / "cells.json", change)
    return f"X, dtd, seed 0: record {mine.evaluate.key[:12]} was not made with encoder {other[:12]}"


def point_to_another_coreset(folder, session):
    other = session.cells["X+OS_rand_5", "dtd", 0].sample.key
    mine = session.cells["X+OS_simcore_5", "dtd", 0]

    def change(cells):
        next(cell for cell in cells if cell["row"] == "X+OS_simcore_5")["keys"]["sample"] = other

    edit(folder / "cells.json", change)
    return f"X+OS_simcore_5, dtd, seed 0: record {mine.pretrain.key[:12]} was not made with coreset {other[:12]}"


def point_to_another_purity(folder, session):
    other, mine = (session.cells[row, "dtd", 0] for row in ("X+OS_simcore_stop", "X+OS_rand_5"))

    def change(cells):
        next(cell for cell in cells if cell["row"] == "X+OS_rand_5")["keys"]["purity"] = other.purity.key

    edit(folder / "cells.json", change)
    return f"X+OS_rand_5, dtd, seed 0: record {other.purity.key[:12]} was not made with coreset {mine.sample.key[:12]}"


@pytest.mark.parametrize(
    "tamper",
    [
        change_a_prediction,
        change_a_wrong_prediction_to_another_wrong_one,
        change_an_accuracy,
        change_the_labels,
        edit_a_pick_list,
        shorten_a_pick_list,
        edit_the_table,
        raise_a_purity,
        edit_a_duration,
        edit_the_head_of_a_pick_list,
        rename_a_record,
        rename_a_record_everywhere,
        edit_an_identity,
        point_to_another_encoder,
        point_to_another_coreset,
        point_to_another_purity,
    ],
)
def test_tampering_is_noticed_and_named(saved, copy, tamper):
    expected = tamper(copy, saved[1])
    problems = verify(copy).problems
    assert any(expected in line for line in problems), problems


# Migration -----------------------------------------------------------------------------------------------------------


def old_keys(session, migration):
    """Every stage's key in the identity of before, and that identity, by today's key."""
    data, old = session.data, {}

    def key(value):
        if isinstance(value, Stage):
            return old[value.key][0]
        if value.split.startswith("relevance:"):
            return migration.old_relevance_sha256(data.find(value.role, value.name), value.split.partition(":")[2])
        return migration.old_images_sha256(data.manifest(value.role, value.name, value.split))

    for stage in session.plan.stages:
        identity = {**stage.identity, "inputs": {name: key(value) for name, value in stage.inputs}}
        identity |= {"spec": {"target": "dtd"}} if stage.kind.name == "purity" else {}
        # Fields lie in the order of the store's records.
        old[stage.key] = digest(identity), json.loads(canonical_json(identity))
    return old


def age(folder, session, migration):
    """Give the records of a folder the identity of before, with the keys that follow from it, in place."""
    old = old_keys(session, migration)
    for place in ("records", "predictions", "picks"):
        for path in list((folder / place).iterdir()):
            path.rename(path.with_stem(old[path.stem][0]))
    for path in [folder / "cells.json", *(folder / "picks").iterdir()]:
        path.write_text(re.sub("[0-9a-f]{64}", lambda match: old.get(match[0], [match[0]])[0], path.read_text()))
    for key, identity in old.values():
        path = folder / "records" / f"{key}.json"
        value = json.loads(path.read_text())
        files = {**value["files"], "spec.json": key}
        if "picks.txt" in files:
            files["picks.txt"] = file_sha256(folder / "picks" / f"{key}.txt")
        value = {**value, "key": key, "identity": identity, "files": files}
        value["sha256"] = digest({name: field for name, field in value.items() if name != "sha256"})
        path.write_text(json.dumps(value) + "\n")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_records_of_the_identity_before_become_those_of_a_run_of_today(saved, copy, migration):
    folder, session = saved
    age(copy, session, migration)
    aged = contents(copy)
    assert verify(copy).problems == []
    # A random coreset depends on the pool alone, whose identity is what it was.
    assert len(aged.keys() & contents(folder).keys() - {Path("cells.json")}) < 8
    assert "records brought to the identity of today" in migration.migrate_aside(copy, session.data)
    assert contents(copy) == contents(folder)
    assert migration.migrate_aside(copy, session.data) == "has the identity of today"
    assert contents(copy) == contents(folder)


def test_records_of_other_images_than_those_at_hand_are_left_as_they_were(saved, copy, migration, monkeypatch):
    age(copy, saved[1], migration)
    aged = contents(copy)
    monkeypatch.setattr(migration, "old_images_sha256", lambda manifest: f"other {manifest.label}")
    with pytest.raises(UserError, match=r"a record of kind [a-z]+ has the input [a-z]+ [0-9a-f]{12}, which is unknown"):
        migration.migrate_aside(copy, saved[1].data)
    assert contents(copy) == aged and [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_records_whose_images_are_not_at_hand_are_left_as_they_were(saved, copy, migration, tmp_path):
    age(copy, saved[1], migration)
    aged = contents(copy)
    empty = Data(tmp_path / "empty", standins=False, cache=tmp_path / "store")
    with pytest.raises(UserError, match=r"data root .*empty does not exist"):
        migration.migrate_aside(copy, empty)
    assert contents(copy) == aged


def test_records_in_bfloat16_are_called_so(saved, copy, migration):
    def to_bfloat16(record):
        record["identity"]["spec"]["recipe"]["precision"] = "bfloat16"

    edit(copy / "records" / f"{saved[1].cells['X', 'dtd', 0].pretrain.key}.json", to_bfloat16)
    migration.migrate(copy, saved[1].data)
    assert "measured with precision bfloat16" in (copy / "table.md").read_text()


def test_records_of_the_form_before_digests_are_brought_to_this_one(saved, copy, migration):
    """Of the files that a committed folder does not keep there is no digest; the rest is as it was."""
    written = {}
    for path in (copy / "records").iterdir():
        value = written[path] = json.loads(path.read_text())
        old = {**value, "files": sorted(value["files"])}
        del old["format"], old["sha256"]
        path.write_text(json.dumps(old))
    with pytest.raises(UserError, match="its format is None"):
        verify(copy)
    for path, value in written.items():
        files = {name: sha256 for name, sha256 in value["files"].items() if name in ("spec.json", "picks.txt")}
        new = migration.with_digests(json.loads(path.read_text()), copy)
        assert new["files"] == dict.fromkeys(value["files"]) | files
        assert {**new, "files": 0, "sha256": 0} == {**value, "files": 0, "sha256": 0}
        path.write_text(json.dumps(new))
    assert verify(copy).problems == []


def test_a_record_that_a_cell_names_and_that_is_gone_is_an_error_with_its_name(saved, copy):
    key = saved[1].cells["X", "dtd", 0].pretrain.key
    (copy / "records" / f"{key}.json").rename(copy / "records" / f"{'0' * 64}.json")
    with pytest.raises(UserError, match=key[:12]):
        verify(copy)


def test_a_missing_pick_list_is_a_problem_with_its_name(saved, copy):
    key = saved[1].cells["X+OS_rand_5", "dtd", 0].sample.key
    (copy / "picks" / f"{key}.txt").unlink()
    with pytest.raises(UserError, match=key[:12]):
        verify(copy)


def test_a_folder_without_a_layout_is_no_results(copy):
    (copy / "layout.json").unlink()
    with pytest.raises(UserError, match=r"holds no results: it has no layout\.json"):
        verify(copy)


def test_files_of_another_form_are_one_line(saved, copy):
    key = saved[1].cells["X", "dtd", 0].evaluate.key
    for name, text in (
        ("layout.json", "{}"),
        (f"records/{key}.json", "{}"),
        (f"predictions/{key}.json", "[1, 2]"),
        ("cells.json", "[1]"),
    ):
        before = (copy / name).read_text()
        (copy / name).write_text(text)
        with pytest.raises(UserError, match="holds a file of another form"):
            verify(copy)
        (copy / name).write_text(before)


@pytest.mark.parametrize("verb", ["reproduce", "table"])
def test_a_place_that_cannot_be_saved_to_is_refused_before_any_work(tmp_path, capsys, verb):
    from benchmark.__main__ import main

    (tmp_path / "file").write_text("")
    command = [verb, *(["--table"] if verb == "reproduce" else []), "2", "--rows", "X", "--targets", "cub"]
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SystemExit) as end:
            main([*command, "--store", str(tmp_path / "runs"), "--save", str(place)])
        assert end.value.code == 2 and f"{tmp_path / 'file'} is no folder" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_the_command_refuses_what_does_not_verify(saved, copy, capsys):
    from benchmark.__main__ import main

    with pytest.raises(SystemExit) as end:
        main(["verify", str(copy)])
    assert end.value.code == 0
    records, picks = (len(list((copy / name).iterdir())) for name in ("records", "picks"))
    told = f"verifies: {records} keys, {len(saved[1].cells)} accuracies from predictions, {picks} pick lists, the table"
    assert told in capsys.readouterr().err
    edit_the_table(copy, saved[1])
    with pytest.raises(SystemExit) as end:
        main(["verify", str(copy)])
    assert end.value.code == 2 and "does not verify: table.md is not the table" in capsys.readouterr().err
