"""The verb `compare`: run what is missing, show one table, write it with one picture."""

import sys
from pathlib import Path
from typing import get_args

from benchmark.compare.outcome import Outcome, collect
from benchmark.compare.picture import save_picture
from benchmark.compare.plan import Comparison
from benchmark.compare.report import Format, render
from benchmark.compare.request import Request
from benchmark.errors import UserError, one_of
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.specs.cells import ordered
from benchmark.system import write_atomically

FILES: dict[str, Format] = {"comparison.md": "md", "comparison.csv": "csv", "comparison.json": "json"}
PICTURE = "comparison.png"


def compare(request: Request, machine: Machine, format_: str) -> int:
    """Compare samplers and print the table. The exit code: 0, or 1 when a sampler or a stage failed."""
    form: Format = one_of("format", format_, get_args(Format))
    comparison = Comparison(request)
    check_machine(machine)
    check_stages(ordered(end for trial in comparison.trials() for end in trial.ends()))
    _check_out(request.out)
    with shown() as progress:
        comparison.data.read(comparison.wanted, progress)
    comparison.check_budgets()
    stages = ordered(end for trial in comparison.trials() for end in trial.ends())
    failed = execute(Work(stages, request.store, comparison.data, comparison.local), machine)
    outcome = collect(comparison)
    print(render(outcome, form), end="")
    if request.out is not None:
        _save(outcome, request.out)
    return 1 if failed else 0


def _check_out(out: Path | None) -> None:
    if out is not None and (out.is_file() or not out.absolute().parent.is_dir()):
        raise UserError(f"cannot write {out}: name a folder that can be made, or one that is there")


def _save(outcome: Outcome, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, form in FILES.items():
        write_atomically(folder / name, render(outcome, form))
    save_picture(outcome, folder / PICTURE)
    print(f"written to {folder}: {', '.join([*FILES, PICTURE])}", file=sys.stderr)
