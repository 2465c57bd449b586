"""Running a comparison: what is missing is run; one table is written with one picture."""

from dataclasses import replace
from pathlib import Path

from benchmark.comparison.outcome import Outcome, collect
from benchmark.comparison.picture import save_picture
from benchmark.comparison.plan import Comparison
from benchmark.comparison.report import Format, render
from benchmark.comparison.request import Request
from benchmark.errors import UserError
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.specs.cells import ordered
from benchmark.system import write_atomically

FILES: dict[str, Format] = {"comparison.md": "md", "comparison.csv": "csv", "comparison.json": "json"}
PICTURE = "comparison.png"


def compare(request: Request, machine: Machine) -> Outcome:
    """Compare samplers, and write the comparison to the folder that the request names."""
    comparison = Comparison(request)
    check_machine(machine)
    check_stages(ordered(end for trial in comparison.trials() for end in trial.ends()))
    _check_out(request.out)
    with shown() as progress:
        comparison.data.read(comparison.wanted, progress)
    comparison.check_budgets()
    stages = ordered(end for trial in comparison.trials() for end in trial.ends())
    failed = execute(Work(stages, request.store, comparison.data, comparison.local), machine)
    outcome = replace(collect(comparison), failed=tuple(failed))
    return outcome if request.out is None else replace(outcome, written=_save(outcome, request.out))


def _check_out(out: Path | None) -> None:
    if out is not None and (out.is_file() or not out.absolute().parent.is_dir()):
        raise UserError(f"cannot write {out}: name a folder that can be made, or one that is there")


def _save(outcome: Outcome, folder: Path) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    for name, form in FILES.items():
        write_atomically(folder / name, render(outcome, form))
    save_picture(outcome, folder / PICTURE)
    return tuple(folder / name for name in (*FILES, PICTURE))
