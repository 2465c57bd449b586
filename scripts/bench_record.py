"""Records of measured speed: what `--save` of the benchmarks writes to results/bench/, and how it is read.

A record is JSON: {"machine": {...}, "packages": {...}, "date": "YYYY-MM-DD", "load": "...", "cases": [{...}, ...]}.
A case is flat: names and settings beside measured numbers, of one round or (as lists) of all rounds. `load` says what
else the machine did. A record that was not written by a benchmark says where its numbers come from (`source`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from benchmark.execution.environment import packages

Plain = str | int | float | bool | None
Case = Mapping[str, Plain | list[float]]


class Record(BaseModel):
    """One run of a benchmark. `machine` and `packages` are empty where a transcribed record does not know them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: dict[str, Plain]
    packages: dict[str, str]
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    load: str
    source: str = ""
    cases: tuple[dict[str, Plain | list[float]], ...] = Field(min_length=1)

    def select(self, **values: Plain) -> list[dict[str, Plain | list[float]]]:
        """The cases that have all these values. KeyError if there are none."""
        matching = [case for case in self.cases if values.items() <= case.items()]
        if not matching:
            raise KeyError(f"no case has {values}")
        return matching


def read(path: Path) -> Record:
    """The record of a file. ValueError if it has another form."""
    return Record.model_validate_json(path.read_text())


# Saving --------------------------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that all benchmarks share."""
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the raw measurements (results/bench/NAME.json)")
    parser.add_argument("--load", default="not stated", help="what else the machine does, for the record")


def save(path: Path, cases: Sequence[Case], load: str, **machine: Plain) -> None:
    """Write a record of this machine. `machine` adds what was measured of it, such as its peak rates."""
    record = Record(
        machine={**machine_facts(), **machine},
        packages=packages(),
        date=datetime.now(UTC).date().isoformat(),
        load=f"{load}; load average {os.getloadavg()[2]:.2f} over the last 15 minutes of {os.cpu_count()} cores",
        cases=tuple(dict(case) for case in cases),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record.model_dump(exclude_defaults=True), indent=1) + "\n")


def machine_facts() -> dict[str, Plain]:
    """Processor, its instructions for machine learning, cores, memory in GiB, system."""
    flags = next((line.split() for line in _lines("/proc/cpuinfo") if line.startswith("flags")), [])
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo")), 0)
    return {
        "cpu": next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "?"),
        "cores": os.cpu_count(),
        "avx2": "avx2" in flags,
        "avx512": "avx512f" in flags,
        "bfloat16": "avx512_bf16" in flags or "amx_bf16" in flags,
        "memory_gib": round(memory / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
