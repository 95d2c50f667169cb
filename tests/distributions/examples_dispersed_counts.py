"""Examples of counts with a dispersion of their own, counts of trials, and differences of counts."""

from __future__ import annotations

from scipy import stats

from tests.distributions.example_cases import rows

__all__ = ["EXAMPLES", "TRIALS"]

_DISPERSED = ({"mean": 0.7, "dispersion": 0.4}, {"mean": 12.0, "dispersion": 0.05}, {"mean": 4.0, "dispersion": 1.5})

EXAMPLES = [
    *rows("GeneralizedPoisson", None, *_DISPERSED, discrete=True),
    *rows("PoissonInverseGaussian", None, *_DISPERSED, {"mean": 60.0, "dispersion": 0.3}, discrete=True),
    *rows("ComPoisson", None, {"mean": 0.4, "dispersion": 2.5}, {"mean": 9.3, "dispersion": 0.3}, {"mean": 80.0, "dispersion": 3.0}, discrete=True),
    *rows("Skellam", lambda rate1, rate2: stats.skellam(rate1, rate2),
          *({"rate1": a, "rate2": b} for a, b in ((0.4, 1.1), (7.0, 2.0), (150.0, 260.0))), discrete=True),
]  # fmt: skip

# Apart, as the laws of gradients would differentiate the number of trials.
TRIALS = [
    *rows("Binomial", lambda total_count, probs: stats.binom(total_count, probs),
          *({"total_count": n, "probs": p} for n, p in ((1.0, 0.3), (12.0, 0.07), (40.0, 0.6))), discrete=True),
    *rows("BetaBinomial", lambda total_count, probs, precision: stats.betabinom(int(total_count), probs * precision, (1 - probs) * precision),
          *({"total_count": n, "probs": p, "precision": s} for n, p, s in ((1.0, 0.3, 2.0), (15.0, 0.2, 1.3), (40.0, 0.6, 50.0))), discrete=True),
]  # fmt: skip
