"""Committed records: what is saved verifies, and whatever is changed in it afterwards is noticed."""

import json
import re

import pytest
from edited_json import edit

from benchmark.errors import UserError
from benchmark.report.collect import collect
from benchmark.report.formats import render
from benchmark.report.records import save_results, verify


def test_what_is_saved_verifies_and_gives_the_same_table(saved):
    folder, session = saved
    verified = verify(folder, "csv")
    assert verified.problems == []
    assert verified.table == render(collect(session.values(), session.store), "csv")
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
    own_cell = session.cells["X", "dtd", 0]

    def change(cells):
        next(cell for cell in cells if cell["row"] == "X")["keys"]["pretrain"] = other

    edit(folder / "cells.json", change)
    return f"X, dtd, seed 0: record {own_cell.evaluate.key[:12]} was not made with encoder {other[:12]}"


def pass_one_seed_off_as_another(folder, session):
    """A spread over seeds of one training is no spread."""
    key = session.cells["X", "dtd", 0].pretrain.key
    edit(folder / "cells.json", lambda cells: next(cell for cell in cells if cell["row"] == "X").update(seed=1))
    return f"X, dtd, seed 1: record {key[:12]} was trained with seed 0"


def point_to_another_coreset(folder, session):
    other = session.cells["X+OS_rand_5", "dtd", 0].sample.key
    own_cell = session.cells["X+OS_simcore_5", "dtd", 0]

    def change(cells):
        next(cell for cell in cells if cell["row"] == "X+OS_simcore_5")["keys"]["sample"] = other

    edit(folder / "cells.json", change)
    return f"X+OS_simcore_5, dtd, seed 0: record {own_cell.pretrain.key[:12]} was not made with coreset {other[:12]}"


def point_to_another_purity(folder, session):
    other, own_cell = (session.cells[row, "dtd", 0] for row in ("X+OS_simcore_stop", "X+OS_rand_5"))

    def change(cells):
        next(cell for cell in cells if cell["row"] == "X+OS_rand_5")["keys"]["purity"] = other.purity.key

    edit(folder / "cells.json", change)
    return (
        f"X+OS_rand_5, dtd, seed 0: record {other.purity.key[:12]} was not made with coreset {own_cell.sample.key[:12]}"
    )


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
        pass_one_seed_off_as_another,
        point_to_another_coreset,
        point_to_another_purity,
    ],
)
def test_tampering_is_noticed_and_named(saved, copy, tamper):
    expected = tamper(copy, saved[1])
    problems = verify(copy).problems
    assert any(expected in line for line in problems), problems


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
    summary = (
        f"verifies: {records} keys, {len(saved[1].cells)} accuracies from predictions, {picks} pick lists, the table"
    )
    assert summary in capsys.readouterr().err
    edit_the_table(copy, saved[1])
    with pytest.raises(SystemExit) as end:
        main(["verify", str(copy)])
    assert end.value.code == 2 and "does not verify: table.md is not the table" in capsys.readouterr().err
