"""A measured table beside the published one: its values (`model`) and its texts (`render`)."""
