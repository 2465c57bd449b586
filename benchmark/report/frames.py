"""Results as pandas data frames."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas


def tidy(lines: Iterable[object], columns: Mapping[str, str]) -> "pandas.DataFrame":
    """A data frame with a line per object and a column per attribute; `columns` are their names and dtypes."""
    # Imported here: it takes longer to import than the rest of the package.
    import pandas

    held = list(lines)
    series = {name: [getattr(line, name) for line in held] for name in columns}
    return pandas.DataFrame({name: pandas.array(series[name], dtype=dtype) for name, dtype in columns.items()})
