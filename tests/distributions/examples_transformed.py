"""Examples of the Box-Cox families, which scipy has not."""

from __future__ import annotations

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]

EXAMPLES = [
    *rows("BoxCoxColeGreen", None,
          *({"loc": m, "scale": s, "shape": n} for m, s, n in ((1.0, 0.3, 0.5), (20.0, 0.1, -1.2), (5.0, 0.4, 0.01), (2.0, 0.3, 0.8)))),
    *rows("BoxCoxT", None,
          *({"loc": m, "scale": s, "shape": n, "df": d} for m, s, n, d in ((1.0, 0.2, 0.5, 8.0), (20.0, 0.1, -0.7, 12.0), (5.0, 0.2, 0.01, 30.0)))),
]  # fmt: skip
