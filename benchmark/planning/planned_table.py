"""A question with all its names resolved: the rows, the targets, the data, the plan."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from benchmark.errors import UnknownName, UserError
from benchmark.execution.store import Store
from benchmark.images.data import Data, SplitName, check_datasets, registered
from benchmark.images.manifest import Split
from benchmark.methods import METHODS, title_of
from benchmark.planning.encoders import Encoder, is_of_target
from benchmark.planning.names import Names, find_protocol, find_variant, listed_row
from benchmark.planning.planner import CellParts, Planner, simcore_of
from benchmark.planning.profiles import Profile, find_profile
from benchmark.planning.query import Query
from benchmark.planning.recipes import ResolvedRecipe
from benchmark.planning.rows import (
    MEASURES_OF_TASKS,
    NO_METHOD,
    SUPERVISED,
    TableRow,
    at_lengths,
    evaluations_of,
    grouped,
    lacks_weights,
    measured_by,
    measures_of_tasks,
    obstacle,
    start_of_trainings,
    table_measures,
)
from benchmark.progress import Progress
from benchmark.published.tables import Row, Table, Task, load_table
from benchmark.specs.cells import Cell, CellMeasure, Layout, Plan, TableCells
from benchmark.specs.protocols import Protocol
from benchmark.specs.recipes import Steps
from benchmark.specs.stages import Stage
from benchmark.specs.variants import CONTROLS, PRETRAINED, UNTRAINED
from benchmark.specs.wording import counted_range


class PlannedTable:
    """A query whose names are all known: its table, rows, targets and plan. Nothing is written by making one.

    `data` is that of another session with the same data root and store, which then lists no folder again.
    """

    def __init__(self, query: Query, data: Data | None = None) -> None:
        self.query = query
        self.table: Table = load_table(query.table)
        self.profile: Profile = find_profile(query.profile)
        self.protocol: Protocol = find_protocol(query.protocol or self.profile.protocol)
        # Named twice is asked for once.
        self.targets = tuple(dict.fromkeys(query.targets)) or tuple(self.table.columns)
        leaks_of = self.targets if query.without_leaks else ()
        self.data = data or Data(query.data_root, self.profile.standins, query.store, leaks_of)
        self.seeds = tuple(dict.fromkeys(query.seeds))
        # Shortest first: a table that grows by a longer training keeps the order of its rows.
        self.lengths = tuple(sorted(set(query.steps)))
        self._planners: dict[tuple[str, str | None, bool, tuple[str, ...], int | None, Stage | None], Planner] = {}
        self.evaluations = evaluations_of(query, self.table.task, self.protocol.name)
        self.names = Names(simcore_of(self.profile, self.protocol), query.store)
        self.rows = self._rows()
        self._check_initial_weights()
        check_datasets(self.data, self.targets, {row.openset for row in self._measured})

    def _rows(self) -> tuple[TableRow, ...]:
        if self.query.method is not None:
            METHODS.get(self.query.method)
        rows = [self._published_row(row) for row in self.table.rows]
        rows += [self._own_row(name) for name in CONTROLS]
        chosen = self._chosen(rows)
        self._check_overrides(chosen)
        if self.query.encoder:
            chosen = measured_by(chosen, self._own_row(f"@{self.query.encoder}"), self.query)
        if all(row.obstacle for row in chosen):
            why = "; ".join(dict.fromkeys(row.obstacle for row in chosen))
            raise UserError(
                f"{self.table.id} cannot be measured ({why}): its published values are shown by 'show {self.table.id}'"
            )
        return at_lengths(chosen, self.lengths)

    def _check_overrides(self, rows: Iterable[TableRow]) -> None:
        """UserError where one method, network or open-set would be put for several rows that differ by just that."""
        known = [(row.published, row.variant) for row in rows if row.published is not None]
        for option, requested, own in (
            ("--method", self.query.method, {row.method for row, _ in known}),
            ("--backbone", self.query.backbone, {row.backbone for row, _ in known}),
            ("--openset", self.query.openset, {row.openset or "" for row, variant in known if variant.pool}),
        ):
            if requested and len(own) > 1:
                raise UserError(
                    f"{option} {requested} for rows of {', '.join(sorted(own))}: choose rows of one with --rows"
                )

    def _check_initial_weights(self) -> None:
        """UserError for initial weights that no row takes, and for those of another network than a row trains."""
        if self.query.initial_weights is None:
            return
        # Imported here: it brings torch.
        from benchmark.training.foreign_weights import check_fits

        if not any(row.initial for row in self.rows):
            raise UserError(f"--initial-weights: no row of {self.table.id} that is measured starts from weights")
        for row in self._measured:
            if row.initial and row.variant.trained:
                encoder = self._initial_encoder()
                check_fits(encoder.stage.spec.backbone, self.planner(row).setup.recipe.backbone)  # type: ignore[attr-defined]

    def _initial_encoder(self) -> Encoder:
        """The encoder whose weights trainings start from."""
        assert self.query.initial_weights is not None
        return self.names.initial_encoder(self.query.initial_weights)

    @property
    def _openset(self) -> str:
        return self.query.openset or self.table.openset or "imagenet"

    def _own_row(self, name: str) -> TableRow:
        """A row that is not the table's, by the name of its variant."""
        variant = self.names.named(find_variant(name))
        method = self.query.method or self.table.method
        # As for the published rows: a method that was asked for comes with its own network.
        backbone = self.query.backbone or (self.table.backbone if self.query.method is None else None)
        start = start_of_trainings(self.table) if variant.trained else "random"
        named = self.query.initial_weights is not None
        why = NO_METHOD if method is None and variant.trained else "" if named else lacks_weights(start)
        row = TableRow(variant.name, variant.title, variant, self._openset, None, method or "simclr", backbone)
        return replace(row, obstacle=why, initial=named and start != "random")

    def _published_row(self, row: Row) -> TableRow:
        if row.method == SUPERVISED and self.query.initial_weights:
            own = self._own_row(f"@{self.query.initial_weights}")
            variant = own.variant.model_copy(update={"control": False})
            return replace(own, id=row.id, title=row.title, variant=variant, published=row, initial=True)
        method = self.query.method or row.method
        backbone = self.query.backbone or (row.backbone if self.query.method is None else None)
        online = row.task == "online_eval"
        openset = self._openset if self.query.openset or row.openset is None else row.openset
        named = self.query.initial_weights is not None
        # The network of some weights is not trained by whatever method is asked for.
        why = obstacle(row if row.method == SUPERVISED else row.model_copy(update={"method": method}), named)
        variant = find_variant(row.variant)
        initial = named and row.initial_weights != "random"
        return TableRow(row.id, row.title, variant, openset, row, method, backbone, online, why, initial=initial)

    def _chosen(self, rows: list[TableRow]) -> tuple[TableRow, ...]:
        """The rows named by id or variant; without names the table's own, with the controls if asked for. Rows that
        the table does not have stand behind its own, in the order in which they were named; lists of picks last."""
        usual = [row.id for row in rows if self.query.controls or not row.variant.control]
        listed = [listed_row(selection) for selection in self.query.selection]
        named: dict[str, TableRow] = {}
        for row in (self._named(name, rows) for name in (*(self.query.rows or usual), *listed)):
            first = named.setdefault(row.id, row)
            if first.variant.encoder != row.variant.encoder:
                raise UserError(f"two rows are called {row.id}: rename a file")
        own = {row.id: row for row in rows if row.id in named or (self.query.controls and row.variant.control)}
        return tuple((own | named).values())

    def _named(self, name: str, rows: list[TableRow]) -> TableRow:
        """The row of an id or a variant: one of `rows`, or one that the table does not have."""
        by_id = {row.base_row or row.id: row for row in rows}
        same = {id_: row for id_, row in by_id.items() if name in (id_, row.variant.name)}
        if name in same or len(same) == 1:
            return same[name] if name in same else next(iter(same.values()))
        if same:
            raise UserError(f"'{name}' is the variant of {len(same)} rows of {self.table.id}: name {', '.join(same)}")
        try:
            return self._own_row(name)
        except UnknownName as error:
            if error.kind == "variant":
                known = {text for row in rows for text in (row.base_row or row.id, row.variant.name)}
                raise UnknownName("row or variant", name, sorted(known)) from None
            raise

    def planner(self, row: TableRow) -> Planner:
        """What plans the cells of a row: one for every method, network, kind of evaluation and length."""
        evaluations = tuple(one.name for one in self.evaluations) or self._own_evaluation(row)
        initial = self._initial_encoder().stage if row.initial else None
        question = row.method, row.backbone, row.online, evaluations, row.steps, initial
        if question not in self._planners:
            setup = self.profile.setup(row.method, row.backbone, self.query.engine, self.query.precision)
            cell_parts = CellParts(row.online, evaluations, self.query.train, self.query.coreset_metrics)
            options = (row.steps, setup, cell_parts, self.names, initial)
            planner = Planner(self.profile, self.protocol, self.data, *options)
            self._planners[question] = planner
        return self._planners[question]

    def _own_evaluation(self, row: TableRow) -> tuple[str, ...]:
        """The evaluation of a row's task; none where it is the protocol's probe or the online classifier. A control is
        evaluated as the rows of its table are."""
        name = MEASURES_OF_TASKS[self._task(row)].evaluation
        return () if name is None else (name,)

    def _task(self, row: TableRow) -> Task:
        return self.table.task if row.published is None else row.published.task

    def _row_measures(self) -> tuple[CellMeasure, ...]:
        """What each row shows, where no evaluation is asked for and rows have measures of their own."""
        if self.evaluations or not self.query.train:
            return ()
        return measures_of_tasks([self._task(row) for row in self.rows])

    @property
    def setups(self) -> tuple[ResolvedRecipe, ...]:
        """The methods and networks of the rows, each once."""
        return tuple(dict.fromkeys(self.planner(row).setup for row in self._measured))

    def obstacle(self, row: TableRow, target: str) -> str:
        """Why a cell is not run; nothing where it is. The oracle needs relevance labels."""
        if row.obstacle:
            return row.obstacle
        if not self.query.train and row.variant.openset != "coreset":
            return "without training nothing is measured of a row without a coreset"
        if row.variant.sampler == "oracle" and self.data.relevance(row.openset, target) is None:
            return f"{row.openset} has no relevance labels for {target}"
        if why := self.planner(row).lacks(target):
            return why
        if is_of_target(row.variant.encoder):
            try:
                self.planner(row).named_encoder(row.variant, target, self.seeds[0])
            except UserError as error:
                return str(error)
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
    def needed_splits(self) -> list[SplitName]:
        """The splits whose images the plan needs."""
        splits: tuple[Split, ...] = ("train", "test") if self.query.train else ("train",)
        needed: set[SplitName] = {("targets", target, split) for target in self.targets for split in splits}
        needed |= {("opensets", row.openset, "train") for row in self._measured if row.variant.pool}
        return sorted(needed)

    def read_data(self, progress: Progress) -> None:
        """Find, read and check all images that the plan needs (once: later calls use what is cached)."""
        self.data.read(self.needed_splits, progress)
        self.__dict__.pop("cells", None)

    def data_notes(self) -> list[str]:
        """What a reader should know of the data: unreadable files, counts that are not the paper's."""
        return [
            *self.unread(),
            *self.data.skipped(self.needed_splits),
            *self.data.count_differences(self.needed_splits),
        ]

    def leak_notes(self) -> list[str]:
        """Whether the open-sets were searched for test images."""
        opensets = sorted({row.openset for row in self._measured if row.variant.pool})
        return self.data.leak_notes(self.targets, opensets, self.protocol.name == "clean")

    def unread(self) -> Iterator[str]:
        """A data root that a profile of stand-ins does not read."""
        root = self.query.data_root
        if root is not None and self.profile.standins:
            yield f"profile {self.profile.name} draws its images: {root} is not read; see --profile"

    def recipe_notes(self) -> Iterator[str]:
        """How what is trained differs from what the table's rows were trained by."""
        query = self.query
        options = {"method": query.method, "backbone": query.backbone, "precision": query.precision}
        changed = ", ".join(f"{name} {value}" for name, value in options.items() if value)
        if changed:
            yield f"measured with {changed}: the published values beside these are of the table's own recipes"
        for evaluation in self.evaluations[:1] if query.evaluation else ():
            yield f"evaluation {evaluation.name}: the published values beside these are of the table's own"
        if query.initial_weights:
            yield f"rows of {SUPERVISED} weights start from {self._initial_encoder().label}, trained elsewhere"
        if query.encoder:
            yield from self._encoder_notes(query.encoder)
        if not self.table.cells():
            place, file = self.table.source.place, f"tables/{self.table.id}.yaml"
            yield f"no published value of {place} is known to us: add it in {file}"
        if query.engine:
            yield f"heads and losses by engine {query.engine}; engines change nothing else of a recipe"
        for setup in self.setups:
            if setup.stand_in:
                network, requested = setup.recipe.backbone, setup.requested_backbone
                yield f"{setup.method}: {network.full_name} stands in for {requested.full_name}"

    def _encoder_notes(self, encoder: str) -> Iterator[str]:
        """What takes the place of a row's training."""
        (row,) = (row for row in self.rows if row.published is not None)
        yield f"{row.title}: not trained here but measured of {row.variant.name[1:]} as it is"
        if is_of_target(encoder):
            yield "the authors do not state which row their encoders are of; the stopping criterion's is assumed"

    @property
    def verified_paper(self) -> bool:
        """Whether numbers may be held against the published ones: the paper profile on the paper's number of images."""
        query = self.query
        # The engine is no part of a published recipe: the published numbers come from neither of the two.
        recipe = (query.steps, query.method, query.backbone, query.precision, query.initial_weights)
        changed = any(recipe) or bool(query.evaluation)
        if self.protocol.name != "released" or changed or any(map(self._elsewhere, self.rows)):
            return False
        known = all(self.data.manifest(*needed_splits) is not None for needed_splits in self.needed_splits)
        named = all(registered(role, name) is not None for role, name, _ in self.needed_splits)
        return self.profile.paper and known and named and not self.data.count_differences(self.needed_splits)

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
            steps=self.lengths[0] if len(self.lengths) == 1 else None,
            standins=self.profile.standins,
            verified_paper=self.verified_paper,
            notes=(*self.data_notes(), *self.leak_notes(), *self.recipe_notes()),
            evaluation=self.evaluations[0].title if self.evaluations else "",
            measures=table_measures(self.query, self.evaluations, self._row_measures()),
            row_measures=self._row_measures(),
            groups=grouped(self.rows, self.query.coreset_metrics),
            references=self._references(),
            features=self._features() if self.query.coreset_metrics else "",
            lengths=tuple((row.base_row, row.steps) for row in self.rows if row.base_row and row.steps is not None),
        )

    def _references(self) -> tuple[str, ...]:
        """The ids of the rows that others are compared with, at every length."""
        named = [self._named(name, list(self.rows)) for name in self.query.references]
        same = (row.id for one in named for row in self.rows if (row.base_row or row.id) == (one.base_row or one.id))
        return tuple(dict.fromkeys(same))

    def _features(self) -> str:
        """Whose features samplers see, and what rows are trained by."""
        planner = self.planner(next(self._measured))
        recipe = planner.setup.recipe
        planners = [self.planner(row) for row in {row.steps: row for row in self._measured}.values()]
        lengths = [one.lengths(target).retrieval for one in planners for target in self.targets]
        steps = counted_range((length.steps for length in lengths if isinstance(length, Steps)), "step")
        training = ", ".join(filter(None, (f"{title_of(recipe.method)} on {recipe.backbone.full_name}", steps)))
        own = {
            PRETRAINED: f"an encoder pretrained on X ({training})",
            UNTRAINED: f"an untrained encoder ({recipe.backbone.full_name})",
        }
        variants = {
            row.variant.encoder: (row.variant, target)
            for row in self._measured
            for target in self.targets
            if row.variant.sampler is not None and not self.obstacle(row, target)
        }
        encoders = [
            (name, planner.named_encoder(one, target, self.seeds[0])) for name, (one, target) in variants.items()
        ]
        seen = [own[name] if encoder is None else encoder.description for name, encoder in encoders]
        parts = [f"features of {' and '.join(seen)}"] if seen else []
        if self.query.train:
            parts.append(f"rows trained by {'the same recipe' if PRETRAINED in variants else training}")
        return ", ".join(parts)

    @property
    def local(self) -> dict[str, str]:
        """Where the local files that specs name by their SHA-256 are."""
        return self.names.local

    @property
    def store(self) -> Store:
        return Store(self.query.store)
