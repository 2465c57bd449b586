"""One file per kind of stage: its spec, its version and its code."""
