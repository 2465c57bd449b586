"""From a question to its stages: names are resolved, rows and cells are planned, costs are estimated."""
