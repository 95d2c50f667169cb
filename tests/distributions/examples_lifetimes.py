"""Examples of lifetimes and exceedances."""

from __future__ import annotations

from scipy import stats

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES"]

EXAMPLES = [
    *rows("GeneralizedPareto", lambda scale, shape, threshold: stats.genpareto(shape, loc=threshold, scale=scale),
          *({"scale": s, "shape": c, "threshold": t} for s, c, t in ((1.0, 0.2, 0.0), (2.0, 1e-3, 1.0), (1.0, -0.3, 0.0)))),
    *rows("HalfNormal", lambda scale: stats.halfnorm(scale=scale), {"scale": 1.0}, {"scale": 0.02}),
    *rows("Nakagami", lambda scale, concentration: stats.nakagami(concentration, scale=scale),
          {"scale": 1.0, "concentration": 0.3}, {"scale": 5.0, "concentration": 4.0}),
    *rows("Rayleigh", lambda scale: stats.rayleigh(scale=scale), {"scale": 1.0}, {"scale": 30.0}),
    *rows("Gompertz", lambda scale, concentration: stats.gompertz(concentration, scale=scale),
          {"scale": 1.0, "concentration": 0.3}, {"scale": 5.0, "concentration": 4.0}, {"scale": 10.0, "concentration": 1e-3}),
    *rows("BirnbaumSaunders", lambda scale, concentration: stats.fatiguelife(concentration, scale=scale),
          {"scale": 1.0, "concentration": 0.3}, {"scale": 5.0, "concentration": 1.5}),
]  # fmt: skip
