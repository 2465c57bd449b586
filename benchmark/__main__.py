"""The command line: collects the verbs of `benchmark.commands` and turns errors into exit codes."""

import importlib
import os
import pkgutil
import sys
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer

from benchmark import __version__, commands
from benchmark.commands._options import spread_lists
from benchmark.errors import UserError
from benchmark.interrupts import Terminated, handled, raise_signal
from benchmark.specs.folding import say

FIRST = ("reproduce", "sample", "pretrain", "compare", "plan", "table", "run", "list", "show")
"""Verbs in the order of `--help`; the others follow by name."""


def _print_version(requested: bool) -> None:
    if requested:
        print(f"simcore-benchmark {__version__}")
        raise typer.Exit


def _suite(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    """Takes the options that stand before a verb."""


def app() -> typer.Typer:
    """The command line with every verb: each module of `benchmark.commands` has one, called `verb`, or is a group."""
    made = typer.Typer(
        name="benchmark",
        help="Which images of a big unlabelled pool should I pretrain on, and can I trust the published answer?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_suite)
    _add_verbs(made, commands)
    return made


def _add_verbs(made: typer.Typer, package: ModuleType) -> None:
    """Every module of the package that has a `verb` is one; a package that has none is a group of verbs."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    for name in sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        if hasattr(module, "verb"):
            made.command(name)(module.verb)
        else:
            group = typer.Typer(help=module.__doc__, no_args_is_help=True)
            _add_verbs(group, module)
            made.add_typer(group, name=name)


def spread(command: Any, arguments: list[str]) -> list[str]:
    """`arguments` as click understands them: an option that takes several values stands before each of them."""
    verb = command
    for word in arguments:
        if word not in getattr(verb, "commands", {}):
            break
        verb = verb.commands[word]
    lists = {name for option in verb.params if getattr(option, "multiple", False) for name in option.opts}
    return spread_lists(arguments, lists)


def _run(arguments: list[str]) -> int | None:
    command = typer.main.get_command(app())
    code: int | None = command.main(spread(command, arguments), standalone_mode=False)
    return code


def _fail(message: str) -> NoReturn:
    say(f"error: {message}")
    sys.exit(2)


INTERRUPTED, TERMINATED = 130, 143
# Typer carries its own copy of click; what it raises for a wrong command line is the parent of its BadParameter.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main(arguments: list[str] | None = None) -> None:
    """Run a verb. Exit code 0, 1 (a cell failed, a contract is broken), 2 (a mistake to mend), 130 (Ctrl-C) or 143
    (SIGTERM)."""
    try:
        with handled(raise_signal):
            code: int | str | None = _run(sys.argv[1:] if arguments is None else arguments)
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


if __name__ == "__main__":
    main()
