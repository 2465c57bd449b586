"""JSON: an entry per cell and seed, row means, claims with all their estimates."""

import json
from dataclasses import asdict

from benchmark.report.blocks import footnotes
from benchmark.report.formats import Format
from benchmark.report.formats._lines import lines
from benchmark.report.headings import headings
from benchmark.report.numbers import plain
from benchmark.report.table import TableResult


def render(result: TableResult) -> str:
    """Cells, row means (none over a single target), claims with all their estimates, and footnotes as JSON."""
    value = {
        "table": result.table.id,
        "title": headings(result),
        "standins": result.standins,
        "profile": result.profile,
        "protocol": result.protocol,
        "openset": result.openset,
        "cells": list(lines(result)),
        "row_means": {row.id: asdict(result.row_mean(row.id)) for row in result.rows if result.has_means},
        "claims": [
            {
                **judged.claim.model_dump(),
                "on_published": asdict(judged.published),
                "on_measured": asdict(judged.measured),
            }
            for judged in result.claims
        ],
        "footnotes": footnotes(result),
    }
    return json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


entry = Format("json", ".json", "all that is known of every cell and claim", render)
