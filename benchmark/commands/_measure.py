"""From a planned table to a measured one: check, read the data, run what is missing, collect."""

from benchmark.commands._tried import EndedProcess, tried
from benchmark.errors import UserError
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.planning.planned_table import PlannedTable
from benchmark.report.measured import MeasuredTable, measured_table
from benchmark.specs.folding import begin, note
from benchmark.specs.wording import counted
from benchmark.stages.sample import SampleSpec


def measure(session: PlannedTable, machine: Machine) -> MeasuredTable:
    """Run what the store does not hold of a table. UserError, before anything runs, for what cannot be run."""
    _say_what_begins(session)
    check_machine(machine)
    check_stages(session.plan.stages)
    check_samplers(session)
    with shown() as progress:
        session.read_data(progress)
    for line in session.data_notes():
        note(line)
    failed = execute(Work(session.plan.stages, session.query.store, session.data, session.local), machine)
    return measured_table(session.values(), session.store, failed)


def _say_what_begins(session: PlannedTable) -> None:
    cells = counted(len(session.cells), "cell")
    begin(f"{session.table.id}, profile {session.profile.name}: {cells}; loading torch, then the images")


def check_samplers(session: PlannedTable) -> None:
    """UserError, before anything runs, for a sampler of other code whose answers are no coresets, with the line to add.

    One that raises or ends its process is no reason to stop: its rows fail, and others do not.
    """
    for text, sampling in session.names.outside_samplers.items():
        draws = [
            one for one in session.plan.stages if isinstance(one.spec, SampleSpec) and one.spec.sampling == sampling
        ]
        if all(session.store.has(draw) for draw in draws):
            continue
        try:
            sampler = tried(text, whole=False)
        except EndedProcess:
            continue
        for verdict in sampler.verdicts:
            raise UserError(
                f"sampler {sampler.name} breaks the contract, {verdict['name']}: {verdict['message']}; "
                f"write: {verdict['instead']}; 'check {text}' tries every clause"
            )
