"""From a planned table to a measured one: check, read the data, run what is missing, collect."""

import sys

from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.planning.planned_table import PlannedTable
from benchmark.report.measured import MeasuredTable, measured_table


def measure(session: PlannedTable, machine: Machine) -> MeasuredTable:
    """Run what the store does not hold of a table. UserError, before anything runs, for what cannot be run."""
    check_machine(machine)
    check_stages(session.plan.stages)
    with shown() as progress:
        session.read_data(progress)
    for line in session.data_notes():
        print(f"note: {line}", file=sys.stderr)
    failed = execute(Work(session.plan.stages, session.query.store, session.data, session.local), machine)
    return measured_table(session.values(), session.store, failed)
