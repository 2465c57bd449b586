"""How a file in `tables/` is read: what rows inherit, what is refused, and where the folder is."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from benchmark.errors import UnknownName, UserError
from benchmark.published import tables as published
from benchmark.published.tables import Table, load_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["2", "table2"])
def test_two_names_of_one_table(name: str) -> None:
    assert load_table(name).id == "table2"


@pytest.mark.parametrize(
    ("name", "hint"), [("tabel2", "table2"), ("finetuning", "full-finetuning"), ("../x", "known:")]
)
def test_an_unknown_table_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=re.escape(f"unknown table '{name}'")) as error:
        load_table(name)
    assert hint in str(error.value)


def broken(**changes: object) -> dict:
    data = yaml.safe_load((ROOT / "tables" / "table3.yaml").read_text())
    row = {**data["rows"][0], **changes.pop("row", {})}  # type: ignore[dict-item]
    return {**data, "rows": [row, *data["rows"][1:]], **changes}


def test_rows_inherit_from_their_table_unless_they_say_otherwise() -> None:
    assert {(row.method, row.backbone, row.openset) for row in load_table("2").rows} == {
        ("simclr", "resnet50", "imagenet")
    }
    assert {row.method for row in load_table("4").rows} == {"byol", "swav", "dino", "mae"}
    assert [row.openset for row in load_table("5").rows] == [None, "imagenet", "all", "webvision", "webfg"]


def test_a_row_s_own_field_goes_before_its_table_s() -> None:
    table = Table.model_validate(broken(method="byol", row={"method": "simclr"}))
    assert table.rows[0].method == "simclr"
    without = broken(method="byol")
    without["rows"] = [{k: v for k, v in row.items() if k != "method"} for row in without["rows"]]
    assert {row.method for row in Table.model_validate(without).rows} == {"byol"}


def test_the_unbroken_table_is_accepted() -> None:
    assert Table.model_validate(broken()) == load_table("3")


@pytest.mark.parametrize(
    "changes",
    [
        {"colums": ["aircraft"]},
        {"row": {"boldd": ["cars"]}},
        {"row": {"values": [1.0, 2.0, 3.0]}},
        {"row": {"shares": [1.0]}},
        {"row": {"top5": []}},
        {"row": {"initial_weights": "imagenet"}},
        {"evidence": "E"},
        {"row": {"bold": ["dogs"]}},
        {"row": {"id": "resnet18_X"}},
        {"columns": ["aircraft", "cars", "pets", "pets"]},
        {"task": "linear"},
        {"claims": [{"kind": "better", "id": "a", "sentence": "", "source": "", "left": "resnet18_X", "right": "X"}]},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_slip_in_a_table_is_refused(changes: dict) -> None:
    with pytest.raises(ValidationError):
        Table.model_validate(broken(**changes))


@pytest.mark.parametrize("field", ["left", "right", "targets"])
def test_a_claim_about_what_is_not_in_the_table_is_refused(field: str) -> None:
    claim = {**broken()["claims"][0], field: ["dogs"] if field == "targets" else "resnet19_X"}
    with pytest.raises(ValidationError, match=f"claim {claim['id']} names the"):
        Table.model_validate(broken(claims=[claim]))


def test_a_table_says_so_if_it_has_no_tolerance() -> None:
    data = broken()
    del data["tolerance"]
    with pytest.raises(ValidationError, match="tolerance"):
        Table.model_validate(data)
    assert Table.model_validate(broken(tolerance=None)).tolerance is None


def test_a_claim_about_two_tasks_is_refused() -> None:
    with pytest.raises(ValidationError, match="compares online_eval with linear_eval"):
        Table.model_validate(broken(row={"task": "online_eval"}, claims=[claim_of_the_first_row()]))


def claim_of_the_first_row() -> dict:
    first, second = (row["id"] for row in broken()["rows"][:2])
    return {**broken()["claims"][0], "left": first, "right": second}


def test_an_unknown_variant_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean X\\+simcore\\(stop\\)"):
        Table.model_validate(broken(row={"variant": "X+simcor(stop)"}))


# Where the folder is -------------------------------------------------------------------------------------------------


def test_an_installed_package_finds_its_own_tables_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("site/benchmark/_tables", "site/tables"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "table2.yaml").touch()
    monkeypatch.setattr(published, "__file__", str(tmp_path / "site/benchmark/published/tables.py"))
    assert published.tables_dir() == tmp_path / "site/benchmark/_tables"


def test_a_foreign_package_called_tables_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "__init__.py").touch()
    monkeypatch.setattr(published, "__file__", str(tmp_path / "benchmark/published/tables.py"))
    with pytest.raises(UserError, match="not installed"):
        published.tables_dir()
