"""scripts/mutants.py: its faults can be planted in the code of today, and it tells caught ones from survivors."""

import pytest

from scripts import mutants

GOOD = "def double(x):\n    return x + (\n        x  # twice\n    )\n"


def test_every_mutant_has_its_place_and_its_tests():
    assert len({mutant.name for mutant in mutants.MUTANTS}) == len(mutants.MUTANTS)
    for mutant in mutants.MUTANTS:
        assert mutants.find(mutants.ROOT, mutant) and mutant.before != mutant.after
        mutants.parsed(mutant.after)
        for test in mutant.tests:
            file, _, name = test.partition("::")
            assert f"def {name}(" in (mutants.ROOT / file).read_text() if name else (mutants.ROOT / file).is_file()


@pytest.fixture
def tree(tmp_path):
    """A package with one function, a test that looks at it, and the script that keeps hashes of sources."""
    for name, text in {
        "benchmark/numbers.py": GOOD,
        "baselines/__init__.py": "",
        "tests/test_double.py": "from benchmark.numbers import double\ndef test_three():\n    assert double(3) == 6\n",
        "scripts/golden.py": "",
        "pyproject.toml": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def mutant():
    def make(after, before="x + x", **fields):
        return mutants.Mutant("a fault", before, after, ("tests/test_double.py",), **fields)

    return make


def test_code_is_found_in_any_layout(mutant, tree):
    file = tree / "benchmark" / "numbers.py"
    (place,) = mutants.find(tree, mutant("x - x"))
    assert mutants.plant(place, "x - x") == GOOD.encode()
    assert file.read_text() == "def double(x):\n    return x - x\n"


def test_a_fault_that_a_test_sees_is_caught_and_one_that_none_sees_survives(mutant, tree, capsys):
    faults = [mutant("x - x"), mutant("2 * x")]
    assert mutants.try_all(tree, faults, whole=False) == (["a fault (benchmark/numbers.py)"], 2)
    first, second = capsys.readouterr().out.splitlines()
    assert "caught by tests/test_double.py::test_three" in first and "SURVIVES" in second
    assert (tree / "benchmark" / "numbers.py").read_text() == GOOD


def test_code_that_is_gone_or_stands_twice_is_an_error(mutant, tree):
    with pytest.raises(mutants.MutantError, match="a fault: this code must stand in one place and stands in nowhere"):
        mutants.find(tree, mutant("x", before="x + y"))
    (tree / "baselines" / "other.py").write_text("def other(x): return x + x\n")
    with pytest.raises(mutants.MutantError, match=r"stands in baselines/other\.py, benchmark/numbers\.py"):
        mutants.find(tree, mutant("x - x"))
    assert len(mutants.find(tree, mutant("x - x", every=True))) == 2


def test_tests_that_cannot_be_run_or_fail_anyway_say_nothing_of_a_mutant(mutant, tree):
    (tree / "tests" / "test_double.py").write_text("def test_three():\n    assert 1 == 2\n")
    with pytest.raises(mutants.MutantError, match="without a mutant the tests do not pass"):
        mutants.check_tests(tree, [mutant("x - x")])
    (tree / "tests" / "test_double.py").write_text("import not_there\n")
    with pytest.raises(mutants.MutantError, match="could not be run"):
        mutants.try_all(tree, [mutant("x - x")], whole=False)
    assert (tree / "benchmark" / "numbers.py").read_text() == GOOD
