"""CSV: a line per cell and seed."""

import csv
import io

from benchmark.report.formats import Format
from benchmark.report.formats._lines import lines
from benchmark.report.table import TableResult


def render(result: TableResult) -> str:
    """The cells as CSV with a header; None is empty. Claims are in the JSON form only."""
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for line in lines(result):
        if writer is None:
            writer = csv.DictWriter(out, list(line), lineterminator="\n")
            writer.writeheader()
        writer.writerow(line)
    return out.getvalue()


entry = Format("csv", ".csv", "a line for every cell and seed", render)
