"""Examples of the distributions on the real line that lean to one side."""

from __future__ import annotations

import math
from typing import Any

from scipy import stats

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]


def _johnson(loc: float, scale: float, skewness: float, tailweight: float) -> Any:
    w, slant = math.exp(tailweight**-2), skewness / tailweight
    unit = scale / math.sqrt(0.5 * (w - 1.0) * (w * math.cosh(2.0 * slant) + 1.0))
    return stats.johnsonsu(-skewness, tailweight, loc - unit * math.sqrt(w) * math.sinh(slant), unit)


EXAMPLES = [
    *rows("SkewNormal", lambda loc, scale, skewness: stats.skewnorm(skewness, loc, scale),
           *({"loc": m, "scale": s, "skewness": a} for m, s, a in ((0.5, 1.0, 0.3), (-2.0, 3.0, 4.0), (10.0, 0.5, -1.5)))),
    *rows("ExGaussian", lambda loc, scale, rate: stats.exponnorm(1.0 / (scale * rate), loc, scale),
           *({"loc": m, "scale": s, "rate": r} for m, s, r in ((0.5, 1.0, 1.0), (-3.0, 0.2, 0.5), (10.0, 3.0, 2.0)))),
    *rows("TwoPieceNormal", None,
           *({"loc": m, "scale_lower": a, "scale_upper": b} for m, a, b in ((0.5, 1.0, 1.0), (-3.0, 0.2, 2.0), (10.0, 3.0, 0.5)))),
    *rows("SkewT", None,
           *({"df": d, "loc": m, "scale": s, "skewness": a} for d, m, s, a in ((3.0, 0.5, 1.0, 1.0), (8.0, -2.0, 3.0, 1.7), (40.0, 10.0, 0.5, 0.6)))),
    *rows("JohnsonSU", _johnson,
           *({"loc": m, "scale": s, "skewness": a, "tailweight": t}
             for m, s, a, t in ((0.5, 1.0, 0.4, 2.0), (-2.0, 3.0, 1.5, 1.7), (10.0, 0.5, -3.0, 5.0)))),
    *rows("SinhArcsinh", None,
           *({"loc": m, "scale": s, "skewness": a, "tailweight": t}
             for m, s, a, t in ((0.5, 1.0, 0.4, 1.0), (-2.0, 3.0, 0.8, 0.7), (10.0, 0.5, -0.5, 1.6)))),
]  # fmt: skip
