"""The command line: fast help, clear errors with exit code 2 and nothing written, lists of values."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from benchmark.__main__ import app, main, spread
from benchmark.published.tables import load_table

ROOT = Path(__file__).resolve().parents[2]


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code, capsys.readouterr()


def test_help_imports_nothing_heavy():
    script = """
import sys
from benchmark.__main__ import main
try:
    main(["--help"])
except SystemExit:
    pass
print(sorted({"torch", "pandas", "datasets", "sklearn", "scipy", "numpy", "timm", "lightly"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(
        verb in done.stdout
        for verb in (
            "list",
            "show",
            "plan",
            "reproduce",
            "run",
            "table",
            "status",
            "verify",
            "sample",
            "compare",
            "check",
            "export",
        )
    )


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["sample", "--target", "a,b", "--budget", "5%"], ["sample", "--target", "a,b", "--budget", "5%"]),
        (
            ["compare", "--sampler", "simcore:k=5,tau=0.9", "random"],
            ["compare", "--sampler", "simcore:k=5,tau=0.9", "--sampler", "random"],
        ),
        (
            ["plan", "--targets", "a", "b", "--seeds", "0", "1"],
            ["plan", "--targets", "a", "--targets", "b", "--seeds", "0", "--seeds", "1"],
        ),
        (
            ["plan", "--targets=a,b", "--profile", "mini"],
            ["plan", "--targets", "a", "--targets", "b", "--profile", "mini"],
        ),
        (["table", "2", "--rows", "X,OS"], ["table", "2", "--rows", "X", "--rows", "OS"]),
        (["plan", "--profile=mini"], ["plan", "--profile=mini"]),
        (["table", "2", "--steps", "400", "1600"], ["table", "2", "--steps", "400", "--steps", "1600"]),
        (["sample", "--steps", "400", "1600"], ["sample", "--steps", "400", "1600"]),
        (["evaluate", "--target", "a", "b"], ["evaluate", "--target", "a", "--target", "b"]),
    ],
)
def test_lists_may_be_given_as_words_or_with_commas(given, meant):
    assert spread(typer.main.get_command(app()), given) == meant


@pytest.mark.parametrize("option", ["--steps", "--budget", "--sampler"])
def test_a_second_value_is_refused_where_one_is_taken(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["sample", "--target", "a", "--pool", "b", "--out", "c", option, "1", "2"])
    assert stopped.value.code == 2
    assert "unexpected extra argument" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduc"], "No such command 'reproduc'. Did you mean 'reproduce'?"),
        (["plan", "--table", "9"], "unknown table '9'"),
        (["plan", "--profile", "smok"], "unknown profile 'smok'; did you mean smoke?"),
        (["plan", "--protocol", "cleen"], "unknown protocol 'cleen'; did you mean clean?"),
        (["plan", "--targets", "bird"], "unknown target 'bird'"),
        (["plan", "--targets", "cubs"], "unknown target 'cubs'; did you mean cub"),
        (["plan", "--rows", "X+simcor(5%)"], "unknown sampler 'simcor'; did you mean simcore"),
        (["plan", "--openset", "imagnet"], "unknown open-set 'imagnet'; did you mean imagenet?"),
        (["reproduce", "--device", "tpu"], "unknown device 'tpu'"),
        (["reproduce", "--format", "xml"], "unknown format 'xml'"),
        (["reproduce", "--table", "lcr-table2"], "lcr-table2 cannot be measured"),
        (
            ["plan", "--table", "lcr-table2", "--rows", "moco_linear_eval", "--method", "simclr"],
            "lcr-table2 cannot be measured",
        ),
        (
            ["plan", "--table", "all4one-cifar10", "--rows", "all4one", "--method", "nnclr"],
            "has a recipe for SimCore's tables here",
        ),
        (["plan", "--table", "all4one-cifar10"], "targets/cifar10 has no stand-in"),
        (["plan", "--table", "figure3", "--openset", "coco"], "--openset coco for rows of coco, imagenet"),
        (["reproduce", "--profile", "paper", "--method", "moco", "--engine", "solo-learn"], "has a head of two layers"),
        (["show", "0123456789abcdef"], "store runs has no stage whose key begins with 0123456789abcdef"),
        (["show", "recipe"], "recipe of which method? all4one"),
        (["reproduce", "--profile", "mini"], "give --data-root"),
        (["reproduce", "--profile", "mini", "--data-root", "absent"], "data root absent does not exist"),
        (["reproduce", "--seeds", "one"], "Invalid value for '--seeds'"),
        (["list", "target"], "unknown list 'target'; did you mean targets"),
        (["show", "resnet"], "unknown name 'resnet'"),
        (["verify", "absent"], "absent holds no results"),
    ],
)
def test_mistakes_get_one_clear_line_and_write_nothing(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    code, out = run(capsys, *arguments)
    assert code == 2 and message in out.err
    assert len(out.err.strip().splitlines()) == 1 and out.err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_stand_ins_do_not_read_is_named_with_the_profile_that_does(capsys, tmp_path):
    (tmp_path / "targets" / "birds70").mkdir(parents=True)
    code, out = run(capsys, "plan", "--targets", "birds70", "--data-root", str(tmp_path))
    assert code == 2 and "birds70 has no stand-in" in out.err and "--profile mini" in out.err


def test_without_a_verb_there_is_help_and_no_empty_error(capsys):
    code, out = run(capsys)
    assert code == 2 and "reproduce" in out.out and out.err == ""


def test_the_version_is_that_of_the_installed_package(capsys):
    code, out = run(capsys, "--version")
    assert code == 0 and out.out == f"simcore-benchmark {version('simcore-benchmark')}\n" and out.err == ""


def test_a_data_root_of_another_layout_is_named_with_what_is_there(capsys, tmp_path):
    (tmp_path / "images").mkdir()
    code, out = run(capsys, "reproduce", "--profile", "mini", "--targets", "birds70", "--data-root", str(tmp_path))
    assert code == 2 and "found: images" in out.err and "targets/<name>/{train,test}/<class>" in out.err


@pytest.mark.parametrize("verb", ["reproduce", "plan", "table"])
@pytest.mark.parametrize("named", [["lcr-table2"], ["--table", "lcr-table2"], ["lcr-table2", "--table", "lcr-table2"]])
def test_a_table_is_named_with_or_without_its_option(capsys, verb, named):
    code, out = run(capsys, verb, *named)
    assert code == 2 and "error: lcr-table2 cannot be measured" in out.err


def test_two_tables_in_one_command_are_refused(capsys):
    code, out = run(capsys, "plan", "3", "--table", "4")
    assert code == 2 and "the table is named twice, 3 and --table 4: name it once" in out.err


@pytest.mark.parametrize("what", ["targets", "opensets", "tables", "variants", "profiles", "protocols"])
def test_list_shows_every_kind(capsys, what):
    code, out = run(capsys, "list", what)
    assert code == 0 and len(out.out.splitlines()) >= 2


@pytest.mark.parametrize("name", ["cub", "imagenet", "X+simcore(5%)", "paper", "released"])
def test_show_tells_all_of_a_name(capsys, name):
    code, out = run(capsys, "show", name)
    assert code == 0 and out.out.startswith("{") and len(out.out.splitlines()) > 5


@pytest.mark.parametrize("name", ["2", "table2", "figure3"])
def test_show_prints_a_table(capsys, name):
    code, out = run(capsys, "show", name)
    assert code == 0 and out.out.startswith(f"{load_table(name).id}: Linear evaluation") and "\nClaims:\n" in out.out


def test_a_table_of_an_empty_store_is_all_missing(capsys, tmp_path):
    code, out = run(capsys, "table", "2", "--store", str(tmp_path / "runs"), "--targets", "cub")
    assert code == 0 and "missing" in out.out and not (tmp_path / "runs").exists()


def test_a_table_that_needs_a_data_root_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    code, out = run(capsys, "table", "2", "--profile", "mini", "--targets", "cub", "--store", str(tmp_path / "runs"))
    assert code == 0 and "targets/cub/train" in out.err and "no data root" in out.err


def test_status_of_no_store_is_an_error(capsys, tmp_path):
    code, out = run(capsys, "status", "--store", str(tmp_path / "nope"))
    assert code == 2 and f"there is no store {tmp_path / 'nope'}; --store names another" in out.err


def test_a_data_root_that_nothing_reads_is_named(capsys, tmp_path):
    code, out = run(capsys, "plan", "--rows", "X", "--targets", "cub", "--data-root", str(tmp_path))
    assert code == 0 and f"profile smoke draws its images: {tmp_path} is not read; see --profile" in out.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "byoll"], "unknown method 'byoll'; did you mean byol or lcr-byol?"),
        (["--method", "lcr", "--precision", "float16", "--rows", "X"], "float16 cannot hold"),
        (["--method", "moco", "--engine", "solo-learn", "--rows", "X"], "both views"),
        (["--rows", "X+oracle(5%)"], "there is nothing to plan: imagenet has no relevance labels for cub"),
    ],
)
def test_a_plan_refuses_what_a_run_would(capsys, options, message):
    code, out = run(capsys, "plan", "--profile", "paper", "--targets", "cub", *options)
    assert code == 2 and message in out.err and not out.out


def test_recipes_of_small_profiles_are_shown(capsys):
    code, out = run(capsys, "show", "recipe", "all4one", "--profile", "mini")
    assert code == 0 and "in profile mini; all of it is this suite's choice" in out.out
    values = dict(
        line.split()[:2] for line in out.out.splitlines() if line.startswith(("method.queue", "length.steps"))
    )
    assert values == {"method.queue": "1024", "length.steps": "400"}


def test_status_of_a_store(capsys, tmp_path):
    code, out = run(capsys, "status", "--store", str(tmp_path))
    assert code == 0 and "no finished stage" in out.out
