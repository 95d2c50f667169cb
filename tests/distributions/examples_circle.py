"""Examples of angles. scipy's cdf goes on past a turn, and is a normal approximation where the concentration is large."""

from __future__ import annotations

import math

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]

EXAMPLES = rows(
    "VonMises", None,
    *({"loc": m, "concentration": k, "period": p} for m, k, p in ((0.0, 0.5, 2 * math.pi), (1.0, 4.0, 2 * math.pi), (-100.0, 40.0, 360.0))),
)  # fmt: skip
