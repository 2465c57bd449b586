"""How long whole tables take: wall clock and CPU time of `reproduce`, each in a store of its own.

    python -m scripts.bench_tables 2 2:cub 3 4 5 figure3 --save results/bench/tables-smoke.json
    python -m scripts.bench_tables 2:birds70 --profile mini --openset mixed --save results/bench/tables-mini.json

A job is a table, or a table and some of its targets (2:cub,dtd). The jobs run one after the other.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time

from benchmark.published.tables import load_table
from scripts.bench_record import Plain, add_options, save


def measure(job: str, profile: str, openset: str | None) -> dict[str, Plain]:
    """Run one job; its case."""
    table, _, named = job.partition(":")
    targets = named.split(",") if named else []
    command = [sys.executable, "-m", "benchmark", "reproduce", "--table", table, "--profile", profile]
    command += ["--openset", openset] if openset else []
    command += ["--targets", *targets] if targets else []
    began, used = time.perf_counter(), _cpu_seconds()
    with tempfile.TemporaryDirectory() as store:
        subprocess.run([*command, "--store", store], check=True, stdout=subprocess.DEVNULL)
    count = len(targets) or len(load_table(table).columns)
    minutes, cpu = (time.perf_counter() - began) / 60, (_cpu_seconds() - used) / 60
    return {"table": table, "profile": profile, "targets": count, "minutes": minutes, "cpu_minutes": cpu}


def _cpu_seconds() -> float:
    """Of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="+", metavar="TABLE[:TARGET,...]")
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--openset")
    add_options(parser)
    options = parser.parse_args()
    cases = []
    for job in options.jobs:
        cases.append(measure(job, options.profile, options.openset))
        print(
            "{table} ({targets} targets): {minutes:.1f} minutes, {cpu_minutes:.1f} of CPU".format(**cases[-1]),
            flush=True,
        )
    if options.save:
        save(options.save, cases, options.load)


if __name__ == "__main__":
    main()
