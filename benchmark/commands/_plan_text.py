"""The text that `plan` prints."""

from benchmark.errors import UserError
from benchmark.planning.costs import EMBEDS_PER_PAIR, Costs, _about, _hours, _shared
from benchmark.planning.planned_table import Session
from benchmark.specs.cells import Cell
from benchmark.specs.recipes import Steps, epochs_of
from benchmark.specs.wording import counted
from benchmark.stages.pretrain import Pretraining


def plan_text(session: Session) -> str:
    """The plan as text: a line per row and target, then the stages by kind and the totals."""
    from tabulate import tabulate

    costs = Costs(session)
    if not session.cells:
        why = {session.obstacle(row, target) for row in session.rows for target in session.targets}
        raise UserError(f"there is nothing to plan: {'; '.join(sorted(why))}")
    rows = [_cell_line(costs, row, cell) for (row, _, _), cell in session.cells.items()]
    headers = ["row", "target", "seed", "length", "|X|", "|coreset|", "samples seen", "times each X", "state", "key"]
    return "\n".join([_header(session), "", tabulate(rows, headers, disable_numparse=True), "", *_totals(costs)])


def _header(session: Session) -> str:
    images = "rendered stand-in images" if session.profile.standins else "real images"
    return (
        f"{session.table.id}, profile {session.profile.name} ({images}), protocol {session.protocol.name}, "
        f"seed{'' if len(session.seeds) == 1 else 's'} {', '.join(map(str, session.seeds))}"
    )


def _cell_line(costs: Costs, row: str, cell: Cell) -> list[str]:
    spec = cell.pretrain.spec
    assert isinstance(spec, Pretraining)
    training = costs.training(cell.pretrain, cell.target)
    length = spec.recipe.length
    told = (
        counted(length.steps, "step")
        if isinstance(length, Steps)
        else counted(epochs_of(length, training.pool), "epoch")
    )
    return [
        row,
        cell.target,
        str(cell.seed),
        told + (" (assumed)" if cell.assumed else ""),
        f"{training.target:,}",
        f"{training.pool:,}{training.origin}",
        f"{training.samples:,}",
        "-" if training.exposures is None else f"{training.exposures:,.1f}",
        "in the store" if costs.store.has(cell.evaluate) else "to do",
        cell.evaluate.key[:12] if cell.evaluate.resolved else "unresolved",
    ]


def _totals(costs: Costs) -> list[str]:
    session = costs.session
    hours = disk = left = 0.0
    counts: dict[str, list[int]] = {}
    spending = costs.spending()
    for stage in session.plan.stages:
        spent, done = spending[stage.key], costs.store.has(stage)
        hours, left, disk = hours + spent, left + (0 if done else spent), disk + costs.disk(stage)
        count = counts.setdefault(stage.kind.name, [0, 0])
        count[0], count[1] = count[0] + 1, count[1] + done
    stages = ", ".join(f"{total} {kind} ({done} in the store)" for kind, (total, done) in counts.items())
    unresolved = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    profile = session.profile
    lines = [
        f"stages: {stages}; sharing saves {counted(session.plan.shared, 'stage run')}",
        f"cost: {_hours(hours)} ({_hours(left)} left) at {profile.pairs_per_second:g} image pairs a "
        f"second ({profile.rate_source}), whatever the network; {EMBEDS_PER_PAIR:g} images embedded count as a pair, "
        "probes as nothing",
        f"disk: {_about(disk / 1e9, 'GB')} of features (float32) and encoders",
    ]
    lines += _shared(session, spending)
    if unresolved:
        lines.append(f"unresolved (absent, or not read yet): {', '.join(unresolved)}")
    return lines
