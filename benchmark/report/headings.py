"""The lines above a table: what its numbers are of, whose layout it has, what they must not be taken for."""

from collections.abc import Iterable

from benchmark.report.blocks import foreign_targets, some
from benchmark.report.table import SeedResult, TableResult
from benchmark.specs.wording import counted, counted_range, listed

STAND_INS = "STAND-IN IMAGES: the numbers marked s are not of the datasets that the columns name."
ALL_STAND_INS = "STAND-IN IMAGES: no number here is of the datasets that are named."


def headings(result: TableResult) -> list[str]:
    """What was measured, in which table's layout, and a line each on the published values, on targets that are not the
    table's and on stand-ins where there are any."""
    table = result.table
    authors = "" if table.evidence is None else f"{table.source.work.partition(':')[0]}, "
    source = f"{authors}{table.source.place}"
    lines = [
        _measured(result),
        f"Layout: {source} ({_extent(result)}); profile {result.profile}, protocol {result.protocol}",
    ]
    if result.features:
        lines.append(result.features[:1].upper() + result.features[1:])
    if has_published(result):
        lines.append(f"Published values: {source}: {table.title}")
    if foreign := foreign_targets(result):
        verb, their = ("is", "its") if len(foreign) == 1 else ("are", "their")
        lines.append(
            f"OTHER TARGETS: {', '.join(foreign)} {verb} not the paper's; {their} numbers reproduce nothing of it."
        )
    if result.standins:
        lines.append(ALL_STAND_INS if len(result.measures) > 1 else STAND_INS)
    return lines


def has_published(result: TableResult) -> bool:
    """Whether published values stand beside the measured ones."""
    cells = result.all_cells if result.evaluated else ()
    return any(result.published(cell.row, cell.target) is not None for cell in cells)


TASKS = {
    "linear_eval": "linear probe",
    "linear_eval_50pct": "linear probe on 50 % of the labels",
    "linear_eval_20pct": "linear probe on 20 % of the labels",
    "online_eval": "online classifier",
    "e2e_finetune_100pct": "fine-tuning",
    "e2e_finetune_10pct": "fine-tuning on 10 % of the labels",
    "knn_20": "nearest neighbours, k = 20",
    "knn_200": "nearest neighbours, k = 200",
    "attributes": "linear probe of attributes",
    "retrieval_rank1": "retrieval, rank-1",
    "retrieval_rank5": "retrieval, rank-5",
    "retrieval_map": "retrieval, mAP",
}
"""Published tasks as headings name them."""


def _measured(result: TableResult) -> str:
    """Evaluation, method, network, steps, targets, open-set and unit of the numbers themselves, in one line."""
    runs = [run for cell in result.all_cells for run in cell.runs]
    if not result.evaluated:
        pool = f"; open-set {result.openset}" if result.openset else ""
        return f"Coresets compared{'' if runs else ', nothing measured yet'}: {some(result.columns)}{pool}"
    steps = counted_range((run.steps for run in runs), "step")
    trained = _trained(runs)
    parts = [
        f" of {trained}" if trained else "" if runs else ", nothing measured yet",
        f" after {steps}" if steps else "",
        f": {some(result.columns)}",
        f"; open-set {result.openset}" if result.openset else "",
        f"; {result.table.unit}",
    ]
    title = result.evaluation or _tasks(result)
    return title[:1].upper() + title[1:] + "".join(parts)


def _tasks(result: TableResult) -> str:
    """The tasks of the rows, each once; a row that the table does not have is of the table's."""
    known = {row.id: row.task for row in result.table.rows}
    return "; ".join(dict.fromkeys(TASKS[known.get(row.id, result.table.task)] for row in result.rows))


def _trained(runs: Iterable[SeedResult]) -> str:
    """ "SimCLR, BYOL on resnet10t and MAE on vit": networks that the same methods trained stand together."""
    methods: dict[str, dict[str, None]] = {}
    for run in runs:
        if run.method and run.network:
            methods.setdefault(run.network, {})[run.method] = None
    networks: dict[str, list[str]] = {}
    for network, names in methods.items():
        networks.setdefault(", ".join(names), []).append(network)
    return " and ".join(f"{names} on {', '.join(used)}" for names, used in networks.items())


def _extent(result: TableResult) -> str:
    """How much of the table's layout is here: "all 10 rows and 2 controls, 1 of 11 targets"."""
    table = result.table
    known = {row.id for row in table.rows}
    # A row that stands at several lengths of training is one row.
    shown = {row.base_row or row.id: row for row in result.rows}
    controls = sum(row.control for row in shown.values())
    others = sum(name not in known and not row.control for name, row in shown.items())
    rows = _share(len(shown) - controls - others, len(table.rows), "row")
    own = _share(len(result.columns) - len(foreign_targets(result)), len(table.columns), "target")
    beside = [counted(number, what) for number, what in ((others, "other row"), (controls, "control")) if number]
    return f"{listed([rows, *beside])}, {own}"


def _share(part: int, whole: int, what: str) -> str:
    if part == whole:
        return f"all {whole} {what}s" if whole > 1 else f"its {what}"
    return f"{part or 'none'} of {counted(whole, what)}"
