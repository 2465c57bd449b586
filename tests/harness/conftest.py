"""Smoke runs in this process, without workers, for the tests that look at what stages leave behind."""

import importlib.util
from pathlib import Path

import pytest

from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.specs.cells import ordered

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"targets": ("dtd",), "rows": ("X", "X+OS_rand_5", "X+OS_simcore_5", "X+OS_simcore_stop"), "steps": 6}


def smoke_session(root, **fields):
    """A question to Table 2 in the smoke profile, with the store at `root`."""
    return PlannedTable(Query(**{"table": "2", "profile": "smoke", "store": root, **fields}))


def run_in_process(session, ends=None):
    """Run what is not finished of `ends` (default: the whole plan) and of its inputs; the store."""
    store = open_store(session.query.store)
    for stage in session.plan.stages if ends is None else ordered(ends):
        if not store.has(stage):
            run_stage(Task(stage, store, session.data, "cpu"))
    return store


@pytest.fixture(scope="session")
def new_session():
    return smoke_session


@pytest.fixture(scope="session")
def run_here():
    return run_in_process


@pytest.fixture(scope="session")
def small_run():
    """Make the small job's session and finished store at a place: `small_run(root, **fields)`."""

    def run(root, **fields):
        session = smoke_session(root, **{**SMALL, **fields})
        return session, run_in_process(session)

    return run


@pytest.fixture(scope="session")
def finished_small_run(small_run, tmp_path_factory):
    """Session and store of the small job. Read it, never change it."""
    return small_run(tmp_path_factory.mktemp("small") / "runs")


@pytest.fixture(scope="session")
def smoke_spread():
    """The script that measured tests/golden/smoke_values.json."""
    return _script("smoke_spread")


@pytest.fixture(scope="session")
def golden():
    """The script that holds the stages' sources to their versions."""
    return _script("golden")


@pytest.fixture(scope="session")
def mutants():
    """The script that plants faults and sees whether tests notice."""
    return _script("mutants")


@pytest.fixture(scope="session")
def older_cpu():
    """The script that runs tests as on an older processor."""
    return _script("older_cpu")


@pytest.fixture(scope="session")
def constraints_script():
    """The script that writes constraints.txt."""
    return _script("constraints")


@pytest.fixture(scope="session")
def migration():
    """The script that brings committed records of before to the form with digests."""
    return _script("migrate_records")


def _script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
