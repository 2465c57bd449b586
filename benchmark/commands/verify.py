"""The verb `verify`: a committed table, recomputed from its records."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import Format
from benchmark.commands.reproduce import check_format
from benchmark.errors import UserError
from benchmark.specs.folding import begin, say


def verb(
    folder: Annotated[Path, typer.Argument(help="a folder of committed records, such as results/mini/rows")],
    format_: Format = "text",
) -> None:
    """Recompute a table from committed records: keys, values from results of single images, pick lists, the table."""
    from benchmark.report.records import verify as check

    form = check_format(format_)
    begin(f"building the table of {folder} again")
    verified = check(folder, form)
    print(verified.table, end="")
    if verified.problems:
        raise UserError(f"{folder} does not verify: " + "; ".join(verified.problems))
    say(f"{folder} verifies: {verified.checked}")
