"""How reports for machines write numbers: without the digits that come from binary arithmetic alone."""

import math
from typing import Any

DECIMALS = 10
PROBABILITY_DIGITS = 6


def plain(value: Any, name: str = "") -> Any:
    """`value` with every number in it rounded: 20.0 for 20.000000000000004, 0.0 for -4e-16.

    Numbers (per cent, points, cosines, seconds) get ten decimals, more than any measurement here has. Probabilities
    (`name` begins with "p_") can be very small and get six significant digits. JSON has neither infinity nor NaN:
    infinite degrees of freedom, and what is no number, become None.
    """
    if isinstance(value, dict):
        return {key: plain(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, name) for item in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return float(f"{value:.{PROBABILITY_DIGITS}g}") if name.startswith("p_") else round(value, DECIMALS) + 0.0
