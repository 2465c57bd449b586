"""The verb `table`: a table from what the store holds."""

import sys

from benchmark.commands._options import Format, Save, with_query
from benchmark.commands.reproduce import check_format, check_save, print_table
from benchmark.planning.query import Query


@with_query
def verb(query: Query, format_: Format = "text", save: Save = None) -> None:
    """A table from what the store holds. Runs nothing; what is not measured is shown as missing."""
    from benchmark.planning.planned_table import Session

    form = check_format(format_)
    check_save(save)
    session = Session(query)
    unknown = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    if unknown:
        labels = ", ".join(unknown)
        print(f"note: no result can be looked up that needs {labels}: not read yet, or no data root", file=sys.stderr)
    print_table(session, form, save)
