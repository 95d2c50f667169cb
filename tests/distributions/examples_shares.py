"""Examples of shares; scipy has none of these."""

from __future__ import annotations

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]

EXAMPLES = [
    *rows("Kumaraswamy", None, *({"concentration1": a, "concentration0": b} for a, b in ((2.0, 3.0), (1.3, 1.1), (5.0, 2.0)))),
    *rows("LogitNormal", None, *({"loc": m, "scale": s} for m, s in ((0.0, 1.0), (1.5, 0.4), (-2.0, 0.8)))),
    *rows("SimplexNormal", None, *({"mean": m, "dispersion": s} for m, s in ((0.5, 1.0), (0.2, 0.7), (0.85, 2.0)))),
    *rows("ContinuousBernoulli", None, *({"probs": p} for p in (0.3, 0.5001, 0.99))),
]
