"""What pictures share: sizes, colours and markers."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart with any colour vision
MARKERS = ("o", "s", "^", "D", "v")
"""Colours and markers have no common divisor: twenty names look different."""

PANEL, LETTER = 2.6, 0.065
"""Inches: the width of a panel, of a letter of a name."""


def look(place: int, label: str) -> dict[str, str]:
    """Colour, marker and name of what stands at `place` in the legend."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "label": label}
