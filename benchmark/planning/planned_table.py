"""A question with all its names resolved: the rows, the targets, the data, the plan."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from benchmark.errors import UnknownName, UserError
from benchmark.evaluations import ACCURACY, EVALUATIONS, Evaluation
from benchmark.execution.store import Store
from benchmark.images.data import Data, SplitName, check_datasets, registered
from benchmark.methods import METHODS
from benchmark.planning.names import find_protocol, find_variant
from benchmark.planning.planner import Planner
from benchmark.planning.profiles import Profile, find_profile
from benchmark.planning.query import Query
from benchmark.planning.recipes import ResolvedRecipe
from benchmark.planning.rows import EVALUATIONS_OF_TASKS, TableRow, obstacle
from benchmark.progress import Progress
from benchmark.published.tables import Row, Table, load_table
from benchmark.specs.cells import Cell, Layout, Plan, TableCells
from benchmark.specs.protocols import Protocol
from benchmark.specs.variants import CONTROLS


class PlannedTable:
    """A query whose names are all known: its table, rows, targets and plan. Nothing is written by making one.

    `data` is that of another session with the same data root and store, which then lists no folder again.
    """

    def __init__(self, query: Query, data: Data | None = None) -> None:
        self.query = query
        self.table: Table = load_table(query.table)
        self.profile: Profile = find_profile(query.profile)
        self.protocol: Protocol = find_protocol(query.protocol or self.profile.protocol)
        self.data = data or Data(query.data_root, standins=self.profile.standins, cache=query.store)
        # Named twice is asked for once.
        self.targets = tuple(dict.fromkeys(query.targets)) or tuple(self.table.columns)
        self.seeds = tuple(dict.fromkeys(query.seeds))
        self._planners: dict[tuple[str, str | None, bool, str | None], Planner] = {}
        self.evaluation = None if query.evaluation is None else _table_evaluation(query.evaluation)
        self.rows = self._rows()
        check_datasets(self.data, self.targets, {row.openset for row in self._measured})

    def _rows(self) -> tuple[TableRow, ...]:
        default = self.query.openset or self.table.openset or "imagenet"
        rows = [self._published_row(row, default) for row in self.table.rows]
        if self.query.method is not None:
            METHODS.get(self.query.method)
        method = self.query.method or self.table.method or "simclr"
        # As for the published rows: a method that was asked for comes with its own network.
        backbone = self.query.backbone or (self.table.backbone if self.query.method is None else None)
        for name in CONTROLS:
            variant = find_variant(name)
            rows.append(TableRow(name, variant.title, variant, default, None, method, backbone))
        chosen = self._chosen(rows)
        self._check_overrides(chosen)
        if all(row.obstacle for row in chosen):
            why = "; ".join(dict.fromkeys(row.obstacle for row in chosen))
            raise UserError(
                f"{self.table.id} cannot be measured ({why}): its published values are shown by 'show {self.table.id}'"
            )
        return chosen

    def _check_overrides(self, rows: Iterable[TableRow]) -> None:
        """UserError where one method, network or open-set would be put for several rows that differ by just that."""
        known = [(row.published, row.variant) for row in rows if row.published is not None]
        for option, asked, own in (
            ("--method", self.query.method, {row.method for row, _ in known}),
            ("--backbone", self.query.backbone, {row.backbone for row, _ in known}),
            ("--openset", self.query.openset, {row.openset or "" for row, variant in known if variant.pool}),
        ):
            if asked and len(own) > 1:
                raise UserError(
                    f"{option} {asked} for rows of {', '.join(sorted(own))}: choose rows of one with --rows"
                )

    def _published_row(self, row: Row, default: str) -> TableRow:
        method = self.query.method or row.method
        backbone = self.query.backbone or (row.backbone if self.query.method is None else None)
        online = row.task == "online_eval"
        openset = self._openset_of(row, default)
        why = obstacle(row.model_copy(update={"method": method}))
        return TableRow(row.id, row.title, find_variant(row.variant), openset, row, method, backbone, online, why)

    def _openset_of(self, row: Row, default: str) -> str:
        return default if self.query.openset or row.openset is None else row.openset

    def _chosen(self, rows: list[TableRow]) -> tuple[TableRow, ...]:
        """The rows named by id or variant; without names the table's own, with the controls if asked for."""
        if not self.query.rows:
            return tuple(row for row in rows if self.query.controls or not row.variant.control)
        known = {name: row for row in rows for name in (row.id, row.variant.name)}
        for name in self.query.rows:
            if name not in known:
                raise UnknownName("row or variant", name, sorted(known))
        wanted = {known[name].id for name in self.query.rows}
        return tuple(row for row in rows if row.id in wanted or (self.query.controls and row.variant.control))

    def planner(self, row: TableRow) -> Planner:
        """What plans the cells of a row: one for every method, network and kind of evaluation."""
        evaluation = self.query.evaluation or row.evaluation or self._table_evaluation(row)
        asked = row.method, row.backbone, row.online, evaluation
        if asked not in self._planners:
            setup = self.profile.setup(row.method, row.backbone, self.query.engine, self.query.precision)
            planner = Planner(self.profile, self.protocol, self.data, self.query.steps, setup, row.online, evaluation)
            self._planners[asked] = planner
        return self._planners[asked]

    def _table_evaluation(self, row: TableRow) -> str | None:
        """A control is evaluated as the rows of its table are."""
        return EVALUATIONS_OF_TASKS.get(self.table.task) if row.published is None else None

    @property
    def setups(self) -> tuple[ResolvedRecipe, ...]:
        """The methods and networks of the rows, each once."""
        return tuple(dict.fromkeys(self.planner(row).setup for row in self._measured))

    def obstacle(self, row: TableRow, target: str) -> str:
        """Why a cell is not run; nothing where it is. The oracle needs relevance labels."""
        if row.obstacle:
            return row.obstacle
        if row.variant.sampler == "oracle" and self.data.relevance(row.openset, target) is None:
            return f"{row.openset} has no relevance labels for {target}"
        return ""

    @cached_property
    def cells(self) -> dict[tuple[str, str, int], Cell]:
        """The planned cells by (row id, target, seed), in table order."""
        return {
            (row.id, target, seed): self.planner(row).cell(row.variant, target, row.openset, seed)
            for target in self.targets
            for row in self.rows
            for seed in self.seeds
            if not self.obstacle(row, target)
        }

    @property
    def _measured(self) -> Iterator[TableRow]:
        return (row for row in self.rows if not row.obstacle)

    @property
    def plan(self) -> Plan:
        return Plan(tuple(self.cells.values()))

    @property
    def wanted(self) -> list[SplitName]:
        """The splits whose images the plan needs."""
        needed: set[SplitName] = {("targets", target, split) for target in self.targets for split in ("train", "test")}
        needed |= {("opensets", row.openset, "train") for row in self._measured if row.variant.pool}
        return sorted(needed)

    def read_data(self, progress: Progress) -> None:
        """Find, read and check all images that the plan needs (once: later calls use what is cached)."""
        self.data.read(self.wanted, progress)
        self.__dict__.pop("cells", None)

    def data_notes(self) -> list[str]:
        """What a reader should know of the data: unreadable files, counts that are not the paper's."""
        return [*self.unread(), *self.data.skipped(self.wanted), *self.data.count_differences(self.wanted)]

    def unread(self) -> Iterator[str]:
        """A data root that a profile of stand-ins does not read."""
        root = self.query.data_root
        if root is not None and self.profile.standins:
            yield f"profile {self.profile.name} draws its images: {root} is not read; see --profile"

    def recipe_notes(self) -> Iterator[str]:
        """How what is trained differs from what the table's rows were trained by."""
        query = self.query
        asked = {"method": query.method, "backbone": query.backbone, "precision": query.precision}
        changed = ", ".join(f"{name} {value}" for name, value in asked.items() if value)
        if changed:
            yield f"measured with {changed}: the published values beside these are of the table's own recipes"
        if self.evaluation:
            yield f"evaluation {self.evaluation.name}: the published values beside these are of the table's own"
        if query.engine:
            yield f"heads and losses by engine {query.engine}; engines change nothing else of a recipe"
        for setup in self.setups:
            if setup.stand_in:
                yield f"{setup.method}: {setup.recipe.backbone.told} stands in for {setup.asked.told}"

    @property
    def verified_paper(self) -> bool:
        """Whether numbers may be held against the published ones: the paper profile on the paper's number of images."""
        query = self.query
        # The engine is no part of a published recipe: the published numbers come from neither of the two.
        changed = {query.steps, query.method, query.backbone, query.precision, query.evaluation} != {None}
        if self.protocol.name != "released" or changed or any(map(self._elsewhere, self.rows)):
            return False
        known = all(self.data.manifest(*wanted) is not None for wanted in self.wanted)
        named = all(registered(role, name) is not None for role, name, _ in self.wanted)
        return self.profile.paper and known and named and not self.data.count_differences(self.wanted)

    def _elsewhere(self, row: TableRow) -> bool:
        """Whether a published row is measured on another open-set than the published one."""
        if row.published is None or not row.variant.pool:
            return False
        return row.openset != (row.published.openset or self.table.openset)

    def values(self) -> TableCells:
        """The table as values, for a report."""
        obstacles = {(row.id, target): self.obstacle(row, target) for row in self.rows for target in self.targets}
        return TableCells(self._layout(), self.cells, {place: why for place, why in obstacles.items() if why})

    def _layout(self) -> Layout:
        return Layout(
            table=self.table.id,
            profile=self.profile.name,
            protocol=self.protocol.name,
            openset=", ".join(dict.fromkeys(row.openset for row in self.rows if row.variant.pool)),
            columns=self.targets,
            rows=tuple((row.id, row.title, row.variant.name, row.variant.control) for row in self.rows),
            seeds=self.seeds,
            steps=self.query.steps,
            standins=self.profile.standins,
            verified_paper=self.verified_paper,
            notes=(*self.data_notes(), *self.recipe_notes()),
            evaluation=self.evaluation.title if self.evaluation else "",
        )

    @property
    def store(self) -> Store:
        return Store(self.query.store)


def _table_evaluation(name: str) -> Evaluation:
    """The evaluation of that name. UserError for one whose numbers are no accuracies: a table shows these."""
    evaluation = EVALUATIONS.get(name)
    if ACCURACY not in evaluation.measures:
        measures = ", ".join(measure.name for measure in evaluation.measures)
        raise UserError(f"evaluation '{name}' measures {measures}; a table shows measure '{ACCURACY.name}'")
    return evaluation
