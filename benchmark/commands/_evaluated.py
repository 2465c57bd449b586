"""One encoder on targets, from its name to a row of measures."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError, one_of
from benchmark.evaluations import EVALUATIONS, Evaluation
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.execution.store import Store
from benchmark.images.data import Data, SplitName, check_datasets
from benchmark.planning.encoders import Surroundings, find_encoder
from benchmark.planning.names import find_protocol
from benchmark.planning.planner import CellParts, Planner
from benchmark.planning.profiles import find_profile
from benchmark.progress import Progress
from benchmark.report.frames import tidy
from benchmark.report.numbers import plain
from benchmark.specs.cells import Measure, ordered
from benchmark.specs.folding import folded, grid, table_width
from benchmark.specs.stages import Stage

if TYPE_CHECKING:
    import pandas

FORMATS = ("text", "md", "csv", "json")


@dataclass(frozen=True)
class EvaluationRequest:
    """What was asked for, as given."""

    encoder: str
    targets: tuple[str, ...]
    evaluations: tuple[str, ...]
    profile: str
    protocol: str | None
    seed: int
    data_root: Path | None
    store: str


@dataclass(frozen=True)
class PlannedEvaluation:
    """One evaluation of the encoder on one target, and its stage."""

    target: str
    evaluation: Evaluation
    stage: Stage
    encoder: str
    """The name of the encoder, which `released` has another one of for every target."""


@dataclass(frozen=True)
class Job:
    """A request with all its names resolved, and its stages. Nothing is written by making one but what reading the
    images leaves."""

    request: EvaluationRequest
    data: Data
    encoder: str
    planned: tuple[PlannedEvaluation, ...]
    local: dict[str, str]
    notes: tuple[str, ...]
    protocol: str


@dataclass(frozen=True)
class EncoderMeasure:
    """One measure of one evaluation on one target. `low` and `high` are its 95 % interval over other images like these,
    None where it cannot be known. `value` is None where the evaluation failed, and `reason` says why. `n` is the number
    of images that it is of, `key` that of the stage."""

    target: str
    evaluation: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unit: str
    key: str
    reason: str = ""
    title: str = ""
    digits: int = 2
    encoder: str = ""

    @property
    def header(self) -> str:
        """What stands above the values: evaluation, measure and unit."""
        return f"{self.evaluation}: {self.title}{f' ({self.unit})' if self.unit else ''}"

    @property
    def text(self) -> str:
        """The value with its interval."""
        if self.value is None:
            return "failed"
        within = "" if self.low is None else f" [{self.low:.{self.digits}f}, {self.high:.{self.digits}f}]"
        return f"{self.value:.{self.digits}f}{within}"


_COLUMNS = {
    "encoder": "string",
    "target": "string",
    "evaluation": "string",
    "measure": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "n": "Int64",
    "unit": "string",
    "key": "string",
    "reason": "string",
}


@dataclass(frozen=True)
class EvaluatedEncoder:
    """What was measured of an encoder: `measures` by target and evaluation. `standins` says that the images were
    drawn."""

    encoder: str
    protocol: str
    standins: bool
    measures: tuple[EncoderMeasure, ...]

    @property
    def failed(self) -> tuple[EncoderMeasure, ...]:
        """The measures without a value."""
        return tuple(one for one in self.measures if one.value is None)

    def to_pandas(self) -> "pandas.DataFrame":
        """A line for every measure, with the fields of `EncoderMeasure` as columns."""
        return tidy(self.measures, _COLUMNS)

    def render(self, format: str = "text") -> str:  # noqa: A002
        """A row for every target, as text or Markdown; a line for every measure, as CSV or JSON. UnknownName for
        another format."""
        match check_format(format):
            case "csv":
                return str(self.to_pandas().to_csv(index=False)).rstrip("\n")
            case "json":
                lines = [{name: plain(getattr(one, name)) for name in _COLUMNS} for one in self.measures]
                return json.dumps(lines, indent=1)
            case form:
                return self._rows(form)

    def _rows(self, form: str) -> str:
        from tabulate import tabulate

        targets = list(dict.fromkeys(one.target for one in self.measures))
        by_place = {(one.target, one.evaluation, one.measure): one for one in self.measures}
        columns = list(dict.fromkeys((one.evaluation, one.measure) for one in self.measures))
        headers = ["encoder", "target", *(by_place[targets[0], *column].header for column in columns), "n"]
        rows = []
        for target in targets:
            cells = [by_place[target, *column] for column in columns]
            counts = dict.fromkeys(str(cell.n) for cell in cells if cell.n is not None)
            rows.append([cells[0].encoder, target, *(cell.text for cell in cells), ", ".join(counts)])
        if form == "md":
            return "\n".join([tabulate(rows, headers, tablefmt="github", disable_numparse=True), "", *self._notes()])
        width = table_width()
        return "\n".join([grid(headers, rows, width), "", *(folded(line, width) for line in self._notes())])

    def _notes(self) -> Iterator[str]:
        yield f"Protocol {self.protocol}. In brackets: 95 % intervals over other test images, not over seeds."
        if self.standins:
            yield "The images are drawn stand-ins: these numbers say nothing of the encoder on real images."
        for (target, evaluation), reason in {(one.target, one.evaluation): one.reason for one in self.failed}.items():
            yield f"{evaluation} on {target} failed: {reason}"


def check_format(name: str) -> str:
    """`name` as a format; UnknownName if it is none."""
    return one_of("format", name, FORMATS)


def prepared(request: EvaluationRequest, machine: Machine, progress: Progress) -> Job:
    """Resolve all names, check what can be checked and read the images; UserError before anything is run."""
    profile, store = find_profile(request.profile), Path(request.store)
    protocol = find_protocol(request.protocol or profile.protocol)
    chosen = request.evaluations or (f"linear-{protocol.probe}",)
    evaluations = [EVALUATIONS.get(name) for name in dict.fromkeys(chosen)]
    data = Data(request.data_root, standins=profile.standins, cache=store)
    targets = tuple(dict.fromkeys(request.targets))
    check_datasets(data, targets, ())
    check_machine(machine)
    setup = profile.setup()
    around = {target: Surroundings(store, target, setup, request.seed) for target in targets}
    encoders = {target: find_encoder(request.encoder, around[target]) for target in targets}
    splits: list[SplitName] = [("targets", target, split) for target in targets for split in ("train", "test")]  # type: ignore[misc]
    data.read(splits, progress)
    planned: list[PlannedEvaluation] = []
    parts = CellParts(evaluations=tuple(one.name for one in evaluations))
    planner = Planner(profile, protocol, data, chosen=setup, cell_parts=parts)
    for why in filter(None, map(planner.lacks, targets)):
        raise UserError(why)
    for target, encoder in encoders.items():
        for evaluation in evaluations:
            stage = planner.evaluate(encoder.stage, target, request.seed, evaluation.name, encoder)
            planned.append(PlannedEvaluation(target, evaluation, stage, encoder.label))
    check_stages(ordered([one.stage for one in planned]))
    names = ", ".join(dict.fromkeys(encoder.label for encoder in encoders.values()))
    local = {digest: path for encoder in encoders.values() for digest, path in encoder.local.items()}
    notes = (*data.skipped(splits), *data.count_differences(splits))
    return Job(request, data, names, tuple(planned), local, notes, protocol.name)


def evaluated(job: Job, machine: Machine) -> EvaluatedEncoder:
    """Run what the store does not have, and read the measures."""
    root = Path(job.request.store)
    execute(Work(ordered([one.stage for one in job.planned]), root, job.data, job.local), machine)
    store = Store(root)
    values = [value for one in job.planned for value in _values(store, one)]
    return EvaluatedEncoder(job.encoder, job.protocol, job.data.standins, tuple(values))


def _values(store: Store, planned: PlannedEvaluation) -> Iterator[EncoderMeasure]:
    stage, evaluation = planned.stage, planned.evaluation
    metrics = store.record(stage).metrics if store.has(stage) else None
    for measure in evaluation.measures:
        yield EncoderMeasure(
            target=planned.target,
            evaluation=evaluation.name,
            measure=measure.name,
            unit=measure.unit,
            key=stage.key,
            title=measure.title,
            digits=measure.digits,
            encoder=planned.encoder,
            **_measured(metrics, measure, "" if metrics is not None else _why(store, stage)),  # type: ignore[arg-type]
        )


def _measured(metrics: dict[str, object] | None, measure: Measure, reason: str) -> dict[str, object]:
    if metrics is None:
        return {"value": None, "low": None, "high": None, "n": None, "reason": reason}
    intervals = metrics.get("intervals")
    interval = intervals.get(measure.name) if isinstance(intervals, dict) else None
    low, high = interval or (None, None)
    return {"value": metrics[measure.name], "low": low, "high": high, "n": metrics["n"]}


def _why(store: Store, stage: Stage) -> str:
    """The last line of the crash; the first stage that failed is the cause."""
    for one in ordered([stage]):
        crash = None if store.has(one) else store.crash(one.key)
        if crash is not None:
            return crash.reason
    return "it was stopped before its end"
