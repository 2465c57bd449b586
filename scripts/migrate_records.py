"""Bring committed records to the form with digests: `python scripts/migrate_records.py [results]`.

Records of before had a list of the names of their stage's files, and no digest. Of those files a committed folder keeps
the list of picks, and `spec.json` is the record's own identity: they get their SHA-256. The others (features, weights,
predictions as .npz) were not kept, and their digests are null; `predictions_sha256` and `picks_sha256` in the metrics
hold as they did. A record that is in the new form already is left as it is. Here until the last experiment that writes
the form of before has ended.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmark.execution.record import Record  # noqa: E402
from benchmark.specs.artefacts import PICKS  # noqa: E402
from benchmark.system import file_sha256, write_atomically  # noqa: E402


def migrated(value: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A record of the form of before, as JSON, in the new one; `folder` is the committed folder that it is of."""
    files: dict[str, str | None] = dict.fromkeys(value["files"])
    # What is written there is what the key is the hash of.
    files["spec.json"] = value["key"]
    if PICKS in files:
        files[PICKS] = file_sha256(folder / "picks" / f"{value['key']}.txt")
    return Record(**{**value, "files": files}).to_json()


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or [ROOT / "results"]
    paths = [path for folder in folders for path in sorted(folder.rglob("records/*.json"))]
    changed = 0
    for path in paths:
        value = json.loads(path.read_text())
        if "format" not in value:
            write_atomically(path, json.dumps(migrated(value, path.parent.parent)) + "\n")
            changed += 1
    print(f"{changed} of {len(paths)} records brought to the form with digests")


if __name__ == "__main__":
    main()
