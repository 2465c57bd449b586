"""A question with all its names resolved: the rows, the targets, the data, the plan."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from benchmark.errors import UnknownName, UserError
from benchmark.images.catalogue import Data, Wanted
from benchmark.opensets import OPENSETS
from benchmark.plan import Cell, Plan, Planner
from benchmark.profiles import Profile, find_profile
from benchmark.progress import Progress
from benchmark.protocols import Protocol, find_protocol
from benchmark.published import Row, Table, load_table
from benchmark.query import Query
from benchmark.specs import Role
from benchmark.store import Store
from benchmark.targets import TARGETS
from benchmark.variants import CONTROLS, Variant, find_variant


@dataclass(frozen=True)
class TableRow:
    """A row that is to be measured: the published row (None for a control) and what it trains on."""

    id: str
    title: str
    variant: Variant
    openset: str
    published: Row | None


class Session:
    """A query whose names are all known: its table, rows, targets and plan. Nothing is written by making one."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.table: Table = load_table(query.table)
        self.profile: Profile = find_profile(query.profile)
        self.protocol: Protocol = find_protocol(query.protocol or self.profile.protocol)
        self.data = Data(query.data_root, standins=self.profile.standins, cache=query.store)
        # Named twice is asked for once.
        self.targets = tuple(dict.fromkeys(query.targets)) or tuple(self.table.columns)
        self.seeds = tuple(dict.fromkeys(query.seeds))
        self.rows = self._rows()
        check_datasets(self.data, self.targets, {row.openset for row in self.rows})

    def _rows(self) -> tuple[TableRow, ...]:
        refused = [row.id for row in self.table.rows if not row.runnable]
        if refused:
            raise UserError(
                f"table {self.table.id} cannot be measured yet (rows {', '.join(refused)}): "
                f"its published values are shown by 'show {self.table.id}'"
            )
        default = self.query.openset or self.table.openset or "imagenet"
        rows = [
            TableRow(row.id, row.title, find_variant(row.variant), self._openset_of(row, default), row)
            for row in self.table.rows
        ]
        named = {name: find_variant(name) for name in CONTROLS}
        rows += [TableRow(name, variant.title, variant, default, None) for name, variant in named.items()]
        return self._chosen(rows)

    def _openset_of(self, row: Row, default: str) -> str:
        return default if self.query.openset or row.openset is None else row.openset

    def _chosen(self, rows: list[TableRow]) -> tuple[TableRow, ...]:
        """The rows named by id or variant; without names the table's own, with the controls if asked for."""
        if not self.query.rows:
            return tuple(row for row in rows if self.query.controls or not row.variant.control)
        known = {name: row for row in rows for name in (row.id, row.variant.name)}
        for name in self.query.rows:
            if name not in known:
                raise UnknownName("row", name, sorted(known))
        wanted = {known[name].id for name in self.query.rows}
        return tuple(row for row in rows if row.id in wanted or (self.query.controls and row.variant.control))

    @cached_property
    def planner(self) -> Planner:
        return Planner(self.profile, self.protocol, self.data, self.query.steps)

    def runs(self, row: TableRow, target: str) -> bool:
        """Whether the row has a meaning for the target: the oracle needs relevance labels."""
        return row.variant.sampler != "oracle" or self.data.relevance(row.openset, target) is not None

    @cached_property
    def cells(self) -> dict[tuple[str, str, int], Cell]:
        """The planned cells by (row id, target, seed), in table order."""
        return {
            (row.id, target, seed): self.planner.cell(row.variant, target, row.openset, seed)
            for target in self.targets
            for row in self.rows
            for seed in self.seeds
            if self.runs(row, target)
        }

    @property
    def plan(self) -> Plan:
        return Plan(tuple(self.cells.values()))

    @property
    def wanted(self) -> list[Wanted]:
        """The splits whose images the plan needs."""
        needed: set[Wanted] = {("targets", target, split) for target in self.targets for split in ("train", "test")}
        needed |= {("opensets", row.openset, "train") for row in self.rows if row.variant.openset != "none"}
        return sorted(needed)

    def read_data(self, progress: Progress) -> None:
        """Find, read and check all images that the plan needs (once: later calls use what is cached)."""
        self.data.read(self.wanted, progress)
        self.__dict__.pop("cells", None)

    def data_notes(self) -> list[str]:
        """What a reader should know of the data: unreadable files, counts that are not the paper's."""
        return [*self.data.skipped(self.wanted), *self.data.count_differences(self.wanted)]

    @property
    def verified_paper(self) -> bool:
        """Whether numbers may be held against the published ones: the paper profile on the paper's number of images."""
        if (self.protocol.name, self.query.steps) != ("released", None) or any(map(self._elsewhere, self.rows)):
            return False
        known = all(self.data.manifest(*wanted) is not None for wanted in self.wanted)
        registered = all(name in (TARGETS if role == "targets" else OPENSETS) for role, name, _ in self.wanted)
        return self.profile.paper and known and registered and not self.data.count_differences(self.wanted)

    def _elsewhere(self, row: TableRow) -> bool:
        """Whether a published row is measured on another open-set than the published one."""
        return row.published is not None and row.openset != (row.published.openset or self.table.openset)

    @property
    def store(self) -> Store:
        return Store(self.query.store)


def check_datasets(data: Data, targets: Iterable[str], opensets: Iterable[str]) -> None:
    """UnknownName for a target or open-set that is neither registered nor there."""
    for target in targets:
        if target not in TARGETS and not data.has("targets", target):
            _refuse(data, "targets", target, TARGETS.names())
    for openset in opensets:
        if openset not in OPENSETS and not data.has("opensets", openset):
            _refuse(data, "opensets", openset, OPENSETS.names())


def _refuse(data: Data, role: Role, name: str, registered: list[str]) -> None:
    there = data.names(role)
    if not there:
        # No data root, or a wrong one: its own error says what was looked for and what is there.
        data.find(role, name)
    raise UnknownName("target" if role == "targets" else "open-set", name, sorted({*registered, *there}))
