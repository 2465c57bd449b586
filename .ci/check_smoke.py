"""Check what the first command of the README printed and left: all 110 cells measured on stand-ins, nothing failed."""

import json
import re
import sys
from pathlib import Path

text, store = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
numbers = re.findall(r"\d+\.\d\ds", text)
# 11 targets and the mean, in ten rows.
assert len(numbers) == 10 * 12, f"{len(numbers)} measured numbers marked as stand-ins, expected 120"
assert "STAND-IN IMAGES" in text and "missing" not in text and "failed" not in text
assert "the pipeline works, 110 of 110 cells are measured" in " ".join(text.split())
# Stand-ins give no verdict.
assert not re.search("held:|held on|contradicted|undecided|not judged", text)
records = [json.loads(path.read_text()) for path in store.glob("evaluate/*/record.json")]
assert len(records) == 110, f"{len(records)} probes in the store, expected 110"
assert all(record["metrics"]["n"] == 60 for record in records)
peak = max(json.loads(path.read_text())["peak_memory_mb"] for path in store.glob("*/*/record.json"))
assert peak < 2000, f"a worker took {peak} MB"
print(f"checked: 110 cells, no hole; a worker's peak memory was {peak:.0f} MB")
