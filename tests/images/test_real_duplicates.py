"""What `data check` says of the real images that SOURCES.md describes: false alarms are counted in docs/data.md."""

from pathlib import Path

import pytest

from benchmark.images.inspection import Inspection
from benchmark.images.sources import DataRoot

pytestmark = pytest.mark.realdata


def test_pairs_in_real_images_are_those_that_were_looked_at(real_root: Path, tmp_path: Path) -> None:
    """All 61 pairs were looked at side by side: each is the same picture twice."""
    targets = ["birds70", "dogcat9", "flowers12", "pets3"]
    findings = Inspection(DataRoot(real_root), tmp_path).inspect(targets, ["mixed"])
    assert not findings.faults and sum(one.readable for one in findings.splits) == 23_221
    assert {one.label: len(one.pairs) for one in findings.splits if one.pairs} == {
        "targets/flowers12/train": 26,
        "targets/pets3/test": 2,
        "opensets/mixed/train": 33,
    }
    assert all(pair.likeness == "near" for one in findings.splits for pair in one.pairs)
    assert len(findings.comparisons) == 8 and not any(one.pairs for one in findings.comparisons)
    assert {one.label: len(one.grey) for one in findings.splits}["opensets/mixed/train"] == 753
