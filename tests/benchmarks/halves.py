"""Which sets choose and which report: settings are compared on inner rows of the choosing sets alone, and no other row chooses anything.

Each half has sets of every kind: with and without noise, counts, amounts, classes, shares, durations, numbers of either sign. Sets that
share a file are in one half. The halves were written down before the recipes of the key `recipe` were first compared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

CHOOSING = frozenset({
    "concrete", "yacht",
    "bike hires", "claim counts", "claim sizes", "auto mpg", "breast cancer", "wine cultivars", "food share", "stakes", "lung cancer",
    "unemployment", "motorcycle", "DAX returns",
})  # fmt: skip
REPORTING = frozenset({
    "energy", "wine_red",
    "doctor visits", "doctor visits, zeros", "rent", "abalone rings", "credit", "iris", "party", "methylation", "lake sediment", "gbsg2",
    "rearrest", "abdomen", "food expenses", "wind direction",
})  # fmt: skip


def inner_sets(names: Iterable[str]) -> list[str]:
    """The choosing sets among `names`; ends the program if there are none, as inner rows of the reporting sets choose nothing."""
    chosen = [name for name in names if name in CHOOSING]
    if not chosen:
        sys.exit(f"`--inner` compares settings, and only these sets do: {', '.join(sorted(CHOOSING))}")
    return chosen
