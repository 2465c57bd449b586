"""Folders that the tests of `data prepare` share."""

from pathlib import Path

import pytest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "from").mkdir()
    return tmp_path / "from"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"
