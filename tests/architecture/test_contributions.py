"""One contribution of each kind from another package, as docs/contributing.md shows them, in the smoke profile."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from baselines.registry import Samplers
from benchmark.commands.reproduce import check_format
from benchmark.datasets.opensets import OPENSETS
from benchmark.errors import UserError
from benchmark.evaluations import EVALUATIONS
from benchmark.execution.run import Machine, check_machine
from benchmark.images.standins.root import drawn_as
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.profiles import find_profile
from benchmark.planning.query import Query
from benchmark.registry import Registry, SkippedContribution
from benchmark.report.formats import Format
from benchmark.specs.cells import Measure
from benchmark.specs.datasets import Target

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "contributing.md"
GROUP = "benchmark.targets"
KINDS = ("targets", "opensets", "samplers", "methods", "evaluations", "stages", "formats", "engines")


def files_of_the_page() -> dict[str, str]:
    """The files that the page shows, by the path that the text above each block begins with."""
    blocks = re.findall(r"^([^\n]*)\n\n```(?:python|toml)\n(.*?)^```", _joined(PAGE.read_text()), re.S | re.M)
    return {re.findall(r"`([\w/]+\.(?:py|toml))`", text)[0]: code for text, code in blocks}


def _joined(page: str) -> str:
    """The page with every paragraph in one line: the name of a file and its block may be lines apart."""
    parts = re.split(r"(^```.*?^```)", page, flags=re.S | re.M)
    return "".join(part if part.startswith("```") else re.sub(r"(?<!\n)\n(?!\n)", " ", part) for part in parts)


def install(folder: Path, points: Mapping[str, Mapping[str, str]]) -> None:
    """Metadata of a package with these entry points, which Python finds in a folder of its path."""
    metadata = folder / "my_lab-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-lab\nVersion: 1.0\n")
    lines = [[f"[{group}]", *(f"{name} = {value}" for name, value in named.items())] for group, named in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(line for group in lines for line in group) + "\n")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of the page, its metadata and its script."""
    folder = tmp_path_factory.mktemp("lab")
    files = files_of_the_page()
    (folder / "my_lab").mkdir()
    (folder / "my_lab" / "__init__.py").touch()
    for name, code in files.items():
        (folder / name).write_text(code)
    install(folder, tomllib.loads(files["pyproject.toml"])["project"]["entry-points"])
    return folder


def run(lab: Path, *arguments: str) -> str:
    """Standard output of Python with `arguments`, run in the folder of the package with the package installed."""
    paths = os.pathsep.join((str(lab), str(ROOT)))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=lab, env=environment)
    assert done.returncode == 0, done.stderr
    assert "skipped" not in done.stderr
    return done.stdout


def test_the_page_has_one_contribution_of_each_kind() -> None:
    points = tomllib.loads(files_of_the_page()["pyproject.toml"])["project"]["entry-points"]
    assert set(points) == {f"benchmark.{kind}" for kind in KINDS}
    modules = {value.partition(":")[0] for named in points.values() for value in named.values()}
    assert {module.replace(".", "/") + ".py" for module in modules} < set(files_of_the_page())


def test_they_are_listed(lab: Path) -> None:
    listed = run(lab, "-m", "benchmark", "list").split()
    assert {"my-birds", "my-pool", "my-sampler", "align-uniform", "nearest-mean", "tsv", "one-process"} <= set(listed)


def test_target_openset_method_evaluation_format_and_engine_give_a_table(lab: Path) -> None:
    rows = ("X", "X+OS_rand_1")
    question = ["--targets", "my-birds", "--openset", "my-pool", "--rows", *rows, "--steps", "2", "--store", "table"]
    chosen = ["--method", "align-uniform", "--evaluation", "nearest-mean"]
    shown = run(lab, "-m", "benchmark", "reproduce", *question, *chosen, "--format", "tsv", "--run-on", "one-process")
    cells = [line.split("\t") for line in shown.splitlines()]
    assert [cell[:2] for cell in cells] == [[row, "my-birds"] for row in rows]
    assert all(0 <= float(cell[2]) <= 100 for cell in cells)
    records = [json.loads(path.read_text()) for path in (lab / "table").glob("*/*/record.json")]
    kinds = {record["kind"]: record for record in records}
    assert kinds["pretrain"]["identity"]["spec"]["recipe"]["method"]["kind"] == "align-uniform"
    assert kinds["evaluate"]["identity"]["spec"]["kind"] == "my-lab nearest-mean"
    assert float(cells[0][2]) in {round(r["metrics"]["accuracy"], 2) for r in records if r["kind"] == "evaluate"}
    heading = run(lab, "-m", "benchmark", "table", "2", *question, *chosen).splitlines()[0]
    assert heading.startswith("Nearest class mean of Align and uniform")


def test_a_target_is_prepared_from_its_download(lab: Path) -> None:
    with zipfile.ZipFile(lab / "my-birds.zip", "w") as archive:
        for split in ("train", "test"):
            archive.writestr(f"my-birds/{split}/wren/1.jpg", b"\xff\xd8\xff\xe0 and so on")
    assert "https://example.org/my-birds.zip" in run(lab, "-m", "benchmark", "data", "where", "my-birds")
    options = ("--from", ".", "--data-root", "data", "--unverified", "--no-read")
    shown = run(lab, "-m", "benchmark", "data", "prepare", "my-birds", *options)
    assert "my-birds: 1 train, 1 test in data/targets/my-birds" in shown
    assert (lab / "data/targets/my-birds/train/wren/1.jpg").is_file()


def test_a_sampler_is_compared(lab: Path) -> None:
    question = ["--target", "my-birds", "--openset", "my-pool", "--budget", "1%", "--steps", "2"]
    question += ["--sampler", "my-sampler", "--against", "random", "--store", "comparison"]
    shown = run(lab, "-m", "benchmark", "compare", *question, "--format", "csv", "--run-on", "one-process")
    assert any("my-sampler" in line for line in shown.splitlines())
    (record,) = (
        json.loads(path.read_text())
        for path in (lab / "comparison" / "sample").glob("*/record.json")
        if "ClosestToMean" in path.read_text()
    )
    assert record["metrics"]["size"] == 5


def test_a_kind_of_stage_is_run_by_the_workers(lab: Path) -> None:
    assert re.fullmatch(r"\{'folders': [1-5]\}\n", run(lab, "count_folders.py"))


# What can be wrong ---------------------------------------------------------------------------------------------------
GOOD = (
    'from benchmark.specs.datasets import Target\nentry = Target(name="{name}", title="", classes=1, train=1, test=1, '
    'metric="top1", source="", licence="", citation="", split="")\n'
)


def targets(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, value: str) -> Registry[Target]:
    """The registry of targets beside a module of that code, whose entry point is `value`."""
    module = value.partition(":")[0]
    (folder / f"{module}.py").write_text(code)
    install(folder, {GROUP: {"faulty": value}})
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, module, raising=False)
    return Registry("target", "benchmark.datasets.targets", Target, group=GROUP)


def own_targets() -> list[str]:
    """The targets of this repository. The suite's own registry would keep what a test puts beside them."""
    return Registry("target", "benchmark.datasets.targets", Target, group="benchmark.none").names()


def test_a_good_one_joins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = targets(tmp_path, monkeypatch, GOOD.format(name="newts"), "good_target:entry")
    assert set(registry.names()) == {*own_targets(), "newts"}


def test_a_broken_import_is_a_loud_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = targets(tmp_path, monkeypatch, "import no_such_package_at_all", "broken_target:entry")
    with pytest.warns(SkippedContribution) as warned:
        assert registry.names() == own_targets()
    text = str(warned[0].message)
    assert f"entry point {GROUP}: faulty = broken_target:entry" in text and "no_such_package_at_all" in text


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        (GOOD.format(name="cub"), "taken_target:entry", "name 'cub' is taken by benchmark/datasets/targets/cub.py"),
        (GOOD.format(name="newts").replace("classes=1, ", ""), "lacking_target:entry", "field 'classes'"),
        (GOOD.format(name="newts"), "nameless_target:entri", "'entri' is missing in"),
        ("entry = {'name': 'newts'}", "typeless_target:entry", "'entry' is a dict, not a Target"),
    ],
)
def test_other_faults_are_errors_that_name_place_and_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, value: str, message: str
) -> None:
    registry = targets(tmp_path, monkeypatch, code, value)
    with pytest.raises(UserError) as raised:
        registry.names()
    assert f"entry point {GROUP}: faulty = {value}" in str(raised.value) and message in str(raised.value)
    assert "\n" not in str(raised.value)


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> str:
    """A package of these files, as a folder of the suite would be; its name."""
    name = f"room_{folder.name}"
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    for file, code in files.items():
        (folder / name / f"{file}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    return name


def test_an_own_file_without_its_entry_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = package(tmp_path, monkeypatch, html="def render(result):\n    return ''\n", _shared="")
    with pytest.raises(UserError, match=rf"{room}/html.py: 'entry' is missing in"):
        Registry("format", room, Format, group="benchmark.none").names()


def test_a_learner_that_cannot_be_imported_is_one_line() -> None:
    # Imported here: it loads torch.
    from benchmark.pretrain.engines import _maker

    recipe = find_profile("smoke").setup("simclr").recipe
    for place, missing in (("no_such_package:Learner", "no_such_package"), ("benchmark.errors:Learner", "'Learner'")):
        with pytest.raises(UserError, match=f"learner {place} of method 'simclr' cannot be imported: .*{missing}"):
            _maker(place)(recipe)


def test_names_that_are_none_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown evaluation 'nearest'; .*linear-clean"):
        PlannedTable(Query("2", profile="smoke", evaluation=("nearest",), store=tmp_path / "runs"))
    with pytest.raises(UserError, match="unknown execution engine 'locale'; did you mean local"):
        check_machine(Machine("cpu", engine="locale"))
    with pytest.raises(UserError, match="unknown format 'markdown'; known: csv, json, latex, md, svg, text"):
        check_format("markdown")
    assert not (tmp_path / "runs").exists()


def test_a_table_refuses_an_evaluation_whose_first_measure_is_no_percentage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ranking = replace(EVALUATIONS.get("linear-clean"), name="ranking", measures=(Measure("map", "mean precision"),))
    monkeypatch.setitem(EVALUATIONS._entries, "ranking", ranking)
    with pytest.raises(UserError, match="evaluation 'ranking' measures map first, which is no percentage"):
        PlannedTable(Query("2", profile="smoke", evaluation=("ranking",), store=tmp_path / "runs"))


def test_a_chosen_evaluation_never_reproduces_published_values(tmp_path: Path) -> None:
    question = {"targets": ("cub",), "rows": ("X",), "store": tmp_path / "runs"}
    planned = PlannedTable(Query("2", profile="smoke", evaluation=("linear-released",), **question))
    (cell,) = planned.cells.values()
    assert cell.evaluate.kind.module == "benchmark.evaluations.linear_released"
    assert not planned.verified_paper
    layout = planned.values().layout
    assert layout.evaluation == EVALUATIONS.get("linear-released").title
    assert any("evaluation linear-released" in note for note in layout.notes)
    usual = PlannedTable(Query("2", profile="smoke", **question)).values().layout
    assert "evaluation" not in usual.model_dump(mode="json")


def test_a_stand_in_that_is_none_names_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = OPENSETS.get("coco").model_copy(update={"name": "my-pool", "standin": "cocoa"})
    monkeypatch.setitem(OPENSETS._entries, "my-pool", wrong)
    with pytest.raises(UserError, match="opensets/my-pool: its field 'standin' is 'cocoa'; known: coco, "):
        drawn_as("opensets", "my-pool")
    assert drawn_as("opensets", "all") is None and drawn_as("targets", "cub") == "cub"


SAMPLER = 'from baselines import Entry\nentry = Entry("{name}", "baselines.random:Random", "")\n'


def test_a_sampler_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = package(tmp_path, monkeypatch, b=SAMPLER.format(name="b"), a=SAMPLER.format(name="a"), metrics="")
    assert list(Samplers(room, without=("metrics",))) == ["a", "b"]


def test_faults_of_sampler_files_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1").mkdir()
    room = package(tmp_path / "1", monkeypatch, a=SAMPLER.format(name="same"), b=SAMPLER.format(name="same"))
    with pytest.raises(ValueError, match=f"{room}/b.py: the name 'same' is taken by {room}/a.py"):
        list(Samplers(room))
    (tmp_path / "2").mkdir()
    room = package(tmp_path / "2", monkeypatch, a="")
    with pytest.raises(TypeError, match=f"{room}/a.py has no 'entry'"):
        list(Samplers(room))
    (tmp_path / "3").mkdir()
    room = package(tmp_path / "3", monkeypatch, a="import no_such_package_at_all")
    with pytest.raises(ImportError, match=f"{room}/a.py cannot be imported"):
        list(Samplers(room))
