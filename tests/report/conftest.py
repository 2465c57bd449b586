"""A folder of committed records, as `reproduce --save` writes it."""

import shutil

import pytest

from benchmark.report.collect import collect
from benchmark.report.records import save_results


@pytest.fixture(scope="session")
def saved(finished_small_run, tmp_path_factory):
    """The folder that a small real run was saved to, and the session. Read it, never change it."""
    session, _ = finished_small_run
    folder = tmp_path_factory.mktemp("results") / "small"
    save_results(session.values(), collect(session.values(), session.store), session.store, folder)
    return folder, session


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[0], tmp_path / "small")
