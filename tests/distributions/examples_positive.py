"""Examples of the positive distributions beyond the first ones, those with power tails among them."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]

_THREE = ((1.0, 3.0, 2.0), (0.2, 6.0, 1.5), (30.0, 2.5, 4.0))
_TWO = ((1.0, 6.0), (0.2, 9.5), (30.0, 12.0))

EXAMPLES = [
    *rows("InverseGamma", lambda concentration, rate: stats.invgamma(concentration, scale=rate),
           *({"concentration": k, "rate": s} for s, k in _TWO)),
    *rows("LogLogistic", lambda scale, concentration: stats.fisk(concentration, scale=scale),
           *({"scale": s, "concentration": k} for s, k in _TWO)),
    *rows("GeneralizedGamma",
           lambda loc, scale, shape: stats.gengamma(shape**-2, shape / scale, scale=np.exp(loc + 2 * scale / shape * np.log(abs(shape)))),
           *({"loc": m, "scale": s, "shape": q} for m, s, q in ((0.3, 0.5, 0.8), (-1.0, 0.2, -0.5), (2.0, 0.4, 0.3)))),
    *rows("Burr", lambda scale, concentration1, concentration0: stats.burr12(concentration1, concentration0, scale=scale),
           *({"scale": s, "concentration1": c, "concentration0": d} for s, c, d in _THREE)),
    *rows("Dagum", lambda scale, concentration1, concentration0: stats.burr(concentration1, concentration0, scale=scale),
           *({"scale": s, "concentration1": c, "concentration0": d} for s, c, d in ((1.0, 6.0, 2.0), (0.2, 8.0, 1.5), (30.0, 7.0, 1.0)))),
    *rows("Lomax", lambda scale, concentration: stats.lomax(concentration, scale=scale),
           *({"scale": s, "concentration": k} for s, k in _TWO)),
    *rows("Pareto", lambda concentration, scale: stats.pareto(concentration, scale=scale),
           *({"concentration": k, "scale": s} for s, k in _TWO)),
    *rows("Frechet", lambda scale, concentration: stats.invweibull(concentration, scale=scale),
           *({"scale": s, "concentration": k} for s, k in _TWO)),
]  # fmt: skip
