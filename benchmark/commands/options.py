"""The verbs. Each is a thin call: what it does is in the module it imports, late, so that `--help` stays fast."""

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from benchmark import __version__
from benchmark.errors import UserError
from benchmark.interrupts import Terminated, handled, raise_signal
from benchmark.planning.query import Query
from benchmark.specs.recipes import Precision

app = typer.Typer(
    name="benchmark",
    help="Which images of a big unlabelled pool should I pretrain on, and can I trust the published answer?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"simcore-benchmark {__version__}")
        raise typer.Exit


@app.callback()
def _suite(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    """Takes the options that stand before a verb."""


TableOption = Annotated[str, typer.Option("--table", help="2, 3, 4, 5, figure3 or another of 'list tables'")]
TableArgument = Annotated[str, typer.Argument(metavar="N", help="2, 3, 4, 5, figure3 or another of 'list tables'")]
ProfileOption = Annotated[str, typer.Option("--profile", help="smoke, mini or paper")]
ProtocolOption = Annotated[str | None, typer.Option("--protocol", help="released or clean; default: the profile's")]
Targets = Annotated[list[str] | None, typer.Option("--targets", help="names; default: the table's columns")]
Rows = Annotated[list[str] | None, typer.Option("--rows", help="row ids or variants; default: all of the table")]
OpenSetOption = Annotated[
    str | None, typer.Option("--openset", help="a registered open-set or a folder of the data root")
]
Seeds = Annotated[list[int] | None, typer.Option("--seeds", min=0, help="0 1 2 or 0,1,2; default: 0")]
Controls = Annotated[bool, typer.Option("--controls", help="add the control rows")]
Steps = Annotated[
    int | None, typer.Option("--steps", min=1, help="optimiser steps of every row instead of the profile's")
]
Method = Annotated[str | None, typer.Option("--method", help="one of `list methods`, instead of each row's own")]
BackboneName = Annotated[str | None, typer.Option("--backbone", help="one of `list backbones`, or any name of timm")]
EngineOption = Annotated[
    str | None, typer.Option("--engine", help="solo-learn or lightly; default: the method's in the profile")
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option("--precision", help="of training, instead of the profile's; float32 where a CPU has no fast bfloat16"),
]
DataRoot = Annotated[Path | None, typer.Option("--data-root", envvar="BENCHMARK_DATA", help="folder of real images")]
StorePath = Annotated[Path, typer.Option("--store", help="where results are kept")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="worker processes; default: one per core, or one on a GPU")
]
Format = Annotated[str, typer.Option("--format", help="text, md, latex, csv or json")]
Save = Annotated[
    Path | None, typer.Option("--save", help="also write the records, pick lists and table to this folder")
]


@app.command("list")
def list_(
    what: Annotated[
        str | None, typer.Argument(help="targets, opensets, tables, variants, samplers, methods, backbones, ...")
    ] = None,
) -> None:
    """What the suite knows: targets, open-sets, tables, variants, profiles, protocols, samplers, methods, backbones."""
    from benchmark.commands.list import listing

    print(listing(what))


@app.command()
def show(
    name: Annotated[
        list[str], typer.Argument(help="any name that `list` shows, `recipe METHOD`, or the key of a stage")
    ],
    profile: Annotated[str, typer.Option("--profile", help="of a recipe: paper, mini or smoke")] = "paper",
    store: StorePath = Path("runs"),
) -> None:
    """All that is known of one name: a dataset, a published table, a variant, profile, protocol, recipe or stage."""
    from benchmark.commands.show.names import describe

    print(describe(" ".join(name), store, profile))


def _query(
    table: TableOption = "2",
    profile: ProfileOption = "smoke",
    protocol: ProtocolOption = None,
    targets: Targets = None,
    rows: Rows = None,
    openset: OpenSetOption = None,
    seeds: Seeds = None,
    controls: Controls = False,
    steps: Steps = None,
    method: Method = None,
    backbone: BackboneName = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
) -> Query:
    """The options that `plan`, `reproduce` and `table` share, as the question that they make."""
    return Query(
        table,
        profile,
        protocol,
        targets=tuple(targets or ()),
        rows=tuple(rows or ()),
        openset=openset,
        seeds=tuple(seeds or (0,)),
        controls=controls,
        steps=steps,
        method=method,
        backbone=backbone,
        engine=engine,
        precision=precision,
        data_root=data_root,
        store=store,
    )


def with_query(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb(query, ...)` as a command: the options of `_query` take the place of its first parameter."""
    shared = dict(inspect.signature(_query).parameters)
    if verb.__name__ == "table":
        shared["table"] = shared["table"].replace(annotation=TableArgument)
    _, *own = inspect.signature(verb).parameters.values()

    def command(**values: object) -> None:
        query = _query(**{name: values.pop(name) for name in shared})  # type: ignore[arg-type]
        verb(query, **values)

    # Typer reads a command's options from its signature and annotations.
    parameters = [*shared.values(), *own]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = verb.__name__, verb.__doc__
    return command


@app.command()
@with_query
def plan(query: Query) -> None:
    """What a run would do: stages, what they share, what is done, samples seen, GPU-hours and disk. Runs nothing."""
    from benchmark.commands.plan import plan_text
    from benchmark.planning.planned_table import Session

    session = Session(query)
    if query.method or query.backbone or query.engine or query.precision:
        # Imports torch, which a plan of a table as it is published does without.
        from benchmark.stages.pretrain import check_method

        for setup in session.setups:
            check_method(setup.recipe)
    text = plan_text(session)
    for line in session.unread():
        print(f"note: {line}", file=sys.stderr)
    print(text)


@app.command()
@with_query
def reproduce(
    query: Query, device: Device = "auto", jobs: Jobs = None, format_: Format = "text", save: Save = None
) -> None:
    """Measure a table and print it beside the published one. Stopped at any moment, the same command goes on."""
    from benchmark.commands.reproduce import reproduce as measure
    from benchmark.execution.run import Machine

    raise typer.Exit(measure(query, Machine(device, jobs), format_=format_, save=save))


@app.command()
def run(
    variant: Annotated[str, typer.Option("--variant", help="what is pretrained on, as `list variants` names it")],
    target: Annotated[str, typer.Option("--target", help="one target")],
    profile: ProfileOption = "smoke",
    protocol: ProtocolOption = None,
    openset: OpenSetOption = None,
    seeds: Seeds = None,
    steps: Steps = None,
    method: Method = None,
    backbone: BackboneName = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    device: Device = "auto",
    jobs: Jobs = None,
    format_: Format = "text",
) -> None:
    """Measure one cell of Table 2 (one variant, one target) and print it."""
    from benchmark.commands.reproduce import reproduce as measure
    from benchmark.execution.run import Machine

    chosen = (method, backbone, engine, precision)
    query = _query("2", profile, protocol, [target], [variant], openset, seeds, False, steps, *chosen, data_root, store)
    raise typer.Exit(measure(query, Machine(device, jobs), format_=format_, save=None))


@app.command()
@with_query
def table(query: Query, format_: Format = "text", save: Save = None) -> None:
    """A table from what the store holds. Runs nothing; what is not measured is shown as missing."""
    from benchmark.commands.table import show_table

    show_table(query, format_=format_, save=save)


@app.command()
def status(
    store: StorePath = Path("runs"),
    check: Annotated[
        bool, typer.Option("--check", help="read every byte; exit code 1 if anything is not as it was written")
    ] = False,
) -> None:
    """What a store holds: finished stages by kind, failures with their last line, damage, disk used."""
    from benchmark.commands.status import check_text, store_text

    if check:
        text, whole = check_text(store)
        print(text)
        raise typer.Exit(0 if whole else 1)
    print(store_text(store))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="a folder of committed records, such as results/mini/rows")],
    format_: Format = "text",
) -> None:
    """Recompute a table from committed records: keys, accuracies from predictions, pick lists, the table itself."""
    from benchmark.commands.reproduce import check_format
    from benchmark.report.records import verify as check

    found = check(folder, check_format(format_))
    print(found.table, end="")
    if found.problems:
        raise UserError(f"{folder} does not verify: " + "; ".join(found.problems))
    print(f"{folder} verifies: {found.checked}", file=sys.stderr)


Sampler = Annotated[
    str, typer.Option("--sampler", help="a name of `list samplers`, pkg.module:Class, file.py:Class, a file of ids")
]
Encoder = Annotated[
    str | None,
    typer.Option("--encoder", help="timm:NAME, timm:NAME=FILE or runs/pretrain/<key>; default: pretrain on the target"),
]


@app.command()
def sample(
    target: Annotated[str, typer.Option("--target", help="folder of your images, or owner/name on the Hub")],
    pool: Annotated[str, typer.Option("--pool", help="folder of the images to choose from, or owner/name on the Hub")],
    out: Annotated[
        Path, typer.Option("--out", help="the list of picks; scores (.csv) and a card (.md) come beside it")
    ],
    sampler: Sampler = "simcore",
    budget: Annotated[str, typer.Option("--budget", help="5%, a number of images, or stop (stopping rule)")] = "stop",
    encoder: Encoder = None,
    profile: Annotated[str, typer.Option("--profile", help="whose recipe, k and patience are taken")] = "mini",
    steps: Steps = None,
    precision: PrecisionOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    link: Annotated[Path | None, typer.Option("--link", help="new folder of symbolic links to the picks")] = None,
    copy: Annotated[Path | None, typer.Option("--copy", help="new folder of copies of the picks")] = None,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", help="new folder that `datasets` loads from disk")
    ] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="PNG of the nearest and the farthest picks")] = None,
    store: StorePath = Path("runs"),
    device: Device = "auto",
    jobs: Jobs = None,
) -> None:
    """A coreset of your own images: which part of a pool to pretrain on for a target."""
    from benchmark.commands.sample.command import sample as draw
    from benchmark.commands.sample.request import Exports, Request
    from benchmark.execution.run import Machine

    exports = Exports(link, copy, dataset, sheet)
    request = Request(target, pool, out, sampler, budget, encoder, profile, steps, seed, store, exports, precision)
    raise typer.Exit(draw(request, Machine(device, jobs)))


@app.command()
def compare(
    target: Annotated[list[str], typer.Option("--target", help="names of targets")],
    sampler: Annotated[list[str], typer.Option("--sampler", help="as in `sample`; `all` means all of `list samplers`")],
    against: Annotated[list[str] | None, typer.Option("--against", help="default: simcore random")] = None,
    openset: Annotated[str, typer.Option("--openset", help="the pool")] = "imagenet",
    budget: Annotated[list[str] | None, typer.Option("--budget", help="1% 5% stop; default: 1% 5%")] = None,
    seeds: Seeds = None,
    train: Annotated[bool, typer.Option("--train", help="also pretrain on X and every coreset, and probe")] = False,
    encoder: Encoder = None,
    profile: ProfileOption = "smoke",
    steps: Steps = None,
    precision: PrecisionOption = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    out: Annotated[
        Path | None, typer.Option("--out", help="folder for the table (md, csv, json) and a picture")
    ] = None,
    device: Device = "auto",
    jobs: Jobs = None,
    format_: Annotated[str, typer.Option("--format", help="text, md, csv or json")] = "text",
) -> None:
    """A sampling method beside SimCore and other baselines: coreset metrics, and with --train the full cells."""
    from benchmark.compare.job import compare as measure
    from benchmark.compare.request import Request
    from benchmark.execution.run import Machine

    request = Request(
        samplers=tuple(sampler),
        against=tuple(against or ("simcore", "random")),
        targets=tuple(target),
        openset=openset,
        budgets=tuple(budget or ("1%", "5%")),
        seeds=tuple(seeds or (0,)),
        train=train,
        encoder=encoder,
        profile=profile,
        steps=steps,
        data_root=data_root,
        store=store,
        out=out,
        precision=precision,
    )
    raise typer.Exit(measure(request, Machine(device, jobs), format_))


@app.command()
def check(
    sampler: Annotated[
        str, typer.Argument(help="pkg.module:Class, file.py:Class, an entry point or a name; fields: simcore:k=50")
    ],
) -> None:
    """Hold a sampler, yours too, to the contract: a line for every clause, exit code 1 if one is broken."""
    from benchmark.commands.check import check as hold

    raise typer.Exit(hold(sampler))


@app.command()
def export(
    key: Annotated[str, typer.Argument(help="first eight or more digits of a pretrain or evaluate stage's key")],
    out: Annotated[Path, typer.Option("--out", help="new folder for weights, configuration and card")],
    store: StorePath = Path("runs"),
) -> None:
    """A trained encoder as a folder that timm and the Hub load, with a card that says what it was trained on."""
    from benchmark.commands.export.command import export as take_out

    print(take_out(key, out, store))


COMMAS = {"--targets", "--rows", "--seeds", "--budget"}
LISTS = COMMAS | {"--target", "--sampler", "--against"}
"""Options that take several values; in a folder's name and between a sampler's fields a comma is no separator."""


def spread_lists(arguments: list[str]) -> list[str]:
    """`--targets a b,c` as `--targets a --targets b --targets c`, which is what click understands."""
    spread: list[str] = []
    current: str | None = None
    for argument in arguments:
        if argument.startswith("-") and not argument.lstrip("-").isdigit():
            name, equals, value = argument.partition("=")
            current = name if name in LISTS else None
            spread += [] if current and not equals else [argument]
            if not (current and equals):
                continue
            spread.pop()
            argument = value
        if current is None:
            spread.append(argument)
        else:
            parts = argument.split(",") if current in COMMAS else [argument]
            spread += [word for part in parts if part for word in (current, part)]
    return spread


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


INTERRUPTED, TERMINATED = 130, 143
# Typer carries its own copy of click; what it raises for a wrong command line is the parent of its BadParameter.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main(arguments: list[str] | None = None) -> None:
    """Run a verb. Exit code 0, 1 (a cell failed, a contract is broken), 2 (a mistake to mend), 130 (Ctrl-C) or 143
    (SIGTERM)."""
    try:
        with handled(raise_signal):
            code = app(spread_lists(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except UserError as error:
        _fail(str(error))
    except UsageError as error:
        # Without a verb the help has been printed, and there is no message.
        message: str = error.format_message()  # type: ignore[attr-defined]
        _fail(message) if message else sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Terminated:
        code = TERMINATED
    except SystemExit as end:
        # Some versions of Typer turn Ctrl-C into this.
        code = end.code
    if code in (INTERRUPTED, TERMINATED):
        print("stopped; what is finished is kept: give the same command again to go on", file=sys.stderr, flush=True)
        os._exit(code)
    sys.exit(code if isinstance(code, int) else 0)
