"""The published tables: layout, values, sources, tolerances and claims, read from `tables/*.yaml` and checked.

Nothing here needs numpy, torch or pandas; yaml is imported when a table is read.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from benchmark.errors import UnknownName, UserError
from benchmark.published.claims import Claim
from benchmark.specs.base import Spec
from benchmark.specs.variants import VARIANTS

Task = Literal[
    "linear_eval",
    "linear_eval_50pct",
    "linear_eval_20pct",
    "online_eval",
    "e2e_finetune_100pct",
    "e2e_finetune_10pct",
    "knn_20",
    "knn_200",
    "attributes",
    "retrieval_rank1",
    "retrieval_rank5",
    "retrieval_map",
]
InitialWeights = Literal["random", "imagenet-supervised"]
INHERITED = ("task", "method", "backbone", "openset", "initial_weights")


class Source(Spec):
    """Where the numbers stand, and where they were read.

    `confidence`: "primary" is the authors' own text; "transcript" a transcription of pictures of the paper; "secondary"
    what another work made of the paper's numbers; "no value" that none was read, and rows and columns are assumed.
    """

    work: str
    url: str
    place: str
    read_in: str
    confidence: Literal["primary", "transcript", "secondary", "no value"]


class Tolerance(Spec):
    """How far a re-measured value may lie from the published one: the root of the sum of squares of the published
    value's binomial sampling error at `confidence` and of `allowance` points, for the stated `reason`."""

    confidence: float = Field(gt=0, lt=1)
    allowance: float = Field(ge=0)
    reason: str


class Row(Spec):
    """A published row. What `INHERITED` names is the table's where the row does not state its own.

    `values` (the table's unit, None where "-" is printed), `top5` (per cent, printed beside the values) and `shares`
    (per cent of the open-set that was picked) have one entry per column; `bold` and `underline` name the columns marked
    so in print. `initial_weights` is what the training on the variant's images starts from. `assumed` names what the
    row rests on and the source does not state.
    """

    id: str
    title: str
    variant: str
    task: Task
    method: str
    backbone: str
    openset: str | None = None
    initial_weights: InitialWeights = "random"
    values: tuple[float | None, ...]
    top5: tuple[float | None, ...] | None = None
    shares: tuple[float, ...] | None = None
    bold: tuple[str, ...] = ()
    underline: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @field_validator("variant")
    @classmethod
    def _known_variant(cls, name: str) -> str:
        if name not in VARIANTS:
            raise UnknownName("variant", name, list(VARIANTS))
        return name


class Table(Spec):
    """A published table. `columns` are targets; `decimals` is how many are printed.

    `evidence` grades a table of another work than SimCore's: "A" was read in its authors' repository, "A2" in the
    repository of the authors of the baselines, "B" in a quotation, "C" in the abstract, "D" in a user's report.
    Without a `tolerance` measured values are shown with their difference to the published ones and no verdict.
    """

    id: str
    title: str
    task: Task
    unit: str
    decimals: int = Field(ge=0)
    source: Source
    evidence: Literal["A", "A2", "B", "C", "D"] | None = None
    method: str | None = None
    backbone: str | None = None
    openset: str | None = None
    initial_weights: InitialWeights = "random"
    assumed: tuple[str, ...] = ()
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    tolerance: Tolerance | None
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()

    def name_to_type(self, row_id: str, variant: str) -> str:
        """What names a row on a command line: its variant, or its id where several rows of the table have that."""
        same = [row.id for row in self.rows if row.variant == variant]
        return row_id if len(same) > 1 else variant

    def row_name(self, row_id: str, variant: str, title: str) -> str:
        """A row as texts name it: its title, with the name to type beside it where that is another."""
        typed = self.name_to_type(row_id, variant)
        return title if typed == title else f"{title} [{typed}]"

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("rows"), Sequence):
            return data
        own = {name: data[name] for name in INHERITED if name in data}
        return {**data, "rows": [{**own, **row} if isinstance(row, dict) else row for row in data["rows"]]}

    @field_validator("columns")
    @classmethod
    def _different(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        _refuse_repeats("column", columns)
        return columns

    @field_validator("rows")
    @classmethod
    def _rows_fit(cls, rows: tuple[Row, ...], info: ValidationInfo) -> tuple[Row, ...]:
        columns = info.data.get("columns", ())
        _refuse_repeats("row", [row.id for row in rows])
        for row in rows:
            stated = [entries for entries in (row.values, row.top5, row.shares) if entries is not None]
            if any(len(entries) != len(columns) for entries in stated):
                raise ValueError(f"row {row.id} does not have {len(columns)} entries")
            _refuse_strangers(f"row {row.id} marks the column", (*row.bold, *row.underline), columns)
        return rows

    @field_validator("claims")
    @classmethod
    def _claims_fit(cls, claims: tuple[Claim, ...], info: ValidationInfo) -> tuple[Claim, ...]:
        tasks = {row.id: row.task for row in info.data.get("rows", ())}
        _refuse_repeats("claim", [claim.id for claim in claims])
        for claim in claims:
            _refuse_strangers(f"claim {claim.id} names the row", (claim.left, claim.right), list(tasks))
            _refuse_strangers(f"claim {claim.id} names the target", claim.targets, info.data.get("columns", ()))
            if tasks[claim.left] != tasks[claim.right]:
                raise ValueError(f"claim {claim.id} compares {tasks[claim.left]} with {tasks[claim.right]}")
        return claims

    def row(self, name: str) -> Row:
        """The row with id `name`; `UnknownName` otherwise."""
        for row in self.rows:
            if row.id == name:
                return row
        raise UnknownName("row", name, [row.id for row in self.rows])

    def cells(self) -> dict[tuple[str, str], float]:
        """The printed values by (row id, target); cells printed as "-" are not in it."""
        pairs = (
            (row, column, value) for row in self.rows for column, value in zip(self.columns, row.values, strict=True)
        )
        return {(row.id, column): value for row, column, value in pairs if value is not None}

    def row_mean(self, name: str) -> float | None:
        """Mean of a row over all columns, in the table's unit; None if a cell is printed as "-"."""
        values = [value for value in self.row(name).values if value is not None]
        return sum(values) / len(values) if len(values) == len(self.columns) else None

    def stopped_share(self, target: str) -> float | None:
        """Per cent of the open-set that the stopping criterion picked for `target`; None where nothing is printed."""
        for row in self.rows:
            if row.shares and target in self.columns:
                return row.shares[self.columns.index(target)]
        return None


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"a {what} stands twice in {', '.join(names)}")


def _refuse_strangers(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what} '{name}', which the table does not have")


def tables_dir() -> Path:
    """The folder of the YAML files: `benchmark/_tables` in a wheel, `tables` beside `benchmark` in a checkout.

    The installed place comes first: beside an installed `benchmark` a folder `tables` would be someone else's.
    UserError if neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_tables", package.parent / "tables"):
        if (folder / "table2.yaml").is_file():
            return folder
    raise UserError("the published tables are not installed; install the package again, or run from a whole checkout")


def table_names() -> list[str]:
    """The ids of all tables."""
    return sorted(path.stem for path in tables_dir().glob("*.yaml"))


@cache
def load_table(name: str) -> Table:
    """The table called `name`: "2", "table2" or "figure3". `UnknownName` with the nearest names otherwise."""
    # Imported here: `--help` starts without it.
    import yaml

    known = table_names()
    table_id = next((id_ for id_ in (name, f"table{name}") if id_ in known), None)
    if table_id is None:
        raise UnknownName("table", name, known)
    return Table.model_validate(yaml.safe_load((tables_dir() / f"{table_id}.yaml").read_text(encoding="utf-8")))
