"""The verb `plan`: what a run would do and cost."""

import sys

from benchmark.commands._options import with_query
from benchmark.planning.query import Query


@with_query
def verb(query: Query) -> None:
    """What a run would do: stages, what they share, what is done, samples seen, GPU-hours and disk. Runs nothing."""
    from benchmark.commands._plan_text import plan_text
    from benchmark.planning.planned_table import Session

    session = Session(query)
    if query.method or query.backbone or query.engine or query.precision:
        # Imports torch, which a plan of a table as it is published does without.
        from benchmark.execution.run import check_stages

        check_stages(session.plan.stages, installed=False)
    text = plan_text(session)
    for line in session.unread():
        print(f"note: {line}", file=sys.stderr)
    print(text)
