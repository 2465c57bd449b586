"""What the store remembers of a stage that failed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.specs.base import canonical_json


@dataclass(frozen=True)
class Crash:
    """A failed stage. `stage` says which it is whatever the code (`apart_from_code`), `time` when it failed, `command`
    what began it, where that is known."""

    key: str
    kind: str
    label: str
    traceback: str
    stage: str
    time: float
    command: str = ""

    @property
    def reason(self) -> str:
        """The last line of the traceback."""
        return self.traceback.strip().rpartition("\n")[2]


def read_crash(path: Path) -> Crash | None:
    """A recorded crash; None where there is none or its file is damaged, because no result depends on it."""
    try:
        value = json.loads(path.read_bytes())
        identity, label = value["identity"], value["label"]
        mark, when = apart_from_code(label, identity), path.stat().st_mtime
        return Crash(path.stem, identity["kind"], label, str(value["traceback"]), mark, when, value.get("command", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def apart_from_code(label: str, identity: dict[str, Any]) -> str:
    """The part of an identity that a stage shares with its mended form: all but the kind's version and a sampler's
    source."""
    spec = json.loads(canonical_json(identity["spec"]))
    if isinstance(spec.get("sampling"), dict):
        spec["sampling"].pop("identity", None)
    return canonical_json([label, identity["kind"], spec, identity["inputs"]])
