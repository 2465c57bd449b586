"""Committed JSON files that a test changes."""

import json


def edit(path, change):
    """Read the JSON file, change its value in place by `change(value)`, and write it."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
