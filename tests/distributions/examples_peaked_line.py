"""Examples of the distributions on the real line with a peak, and of those of extremes."""

from __future__ import annotations

from scipy import stats

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]

EXAMPLES = [
    *rows("PowerExponential", lambda loc, scale, power: stats.gennorm(power, loc, scale),
           *({"loc": m, "scale": s, "power": p} for m, s, p in ((0.5, 1.0, 2.0), (-3.0, 0.2, 1.3), (10.0, 3.0, 6.0)))),
    *rows("AsymmetricLaplace",
           lambda loc, scale, quantile: stats.laplace_asymmetric((quantile / (1 - quantile)) ** 0.5, loc, scale / (quantile * (1 - quantile)) ** 0.5),
           *({"loc": m, "scale": s, "quantile": q} for m, s, q in ((0.5, 1.0, 0.5), (-3.0, 0.2, 0.85), (10.0, 3.0, 0.15)))),
    *rows("ReverseGumbel", lambda loc, scale: stats.gumbel_l(loc, scale), {"loc": 0.0, "scale": 1.0}, {"loc": -3.5, "scale": 0.02}),
    *rows("GeneralizedExtremeValue", lambda loc, scale, shape: stats.genextreme(-shape, loc, scale),
           *({"loc": m, "scale": s, "shape": x} for m, s, x in ((0.5, 1.0, 0.125), (-3.0, 0.5, -0.25), (10.0, 3.0, 1e-3)))),
]  # fmt: skip
