"""Overdispersed counts: negative binomial 1, generalized Poisson, Poisson-inverse Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import lattice_sums
from disttrain.distributions.core.lattice_tails import lattice_tails
from disttrain.distributions.core.parametrised import Positive, stored
from disttrain.distributions.counts.poisson_family import NegativeBinomial
from disttrain.distributions.numerics import bessel, special, tensors
from disttrain.distributions.numerics.tensors import Shape
from disttrain.distributions.positive.inverse_gaussian import InverseGaussian

# After so many generations what is left of a branching process is long, and its total all but inverse Gaussian.
_GENERATIONS = 1000
# The longest sum by recursion, the steps after which rows that are done are left out, the share of a sum that does not count, and the
# least ratio of probabilities: smaller ones would be divided by 0.
_LONGEST_RECURSION, _COMPACT, _NEGLIGIBLE, _LEAST_RATIO = 4096, 16, 1e-20, 1e-290


def negative_binomial1(mean: Tensor | float, dispersion: Tensor | float, validate_args: bool = False) -> NegativeBinomial:
    """Negative binomial with variance mean (1 + dispersion): its concentration is proportional to the mean (NB1 of Cameron & Trivedi).

    >>> from disttrain.distributions import negative_binomial1
    >>> negative_binomial1(mean=4.0, dispersion=0.5).variance  # 4.0 * (1 + 0.5)
    tensor(6., dtype=torch.float64)
    """
    mean, dispersion = tensors.parameters(mean, dispersion)
    return NegativeBinomial(mean, mean / dispersion, validate_args=validate_args)  # type: ignore[call-arg]


@lattice_tails
class GeneralizedPoisson(Distribution):
    """Generalized Poisson: counts with mean `mean` and variance mean (1 + `dispersion` mean)², both (n,); Poisson at dispersion 0.

    The total progeny of a branching process that starts with Poisson(mean/(1 + dispersion mean)) individuals.
    Source: Consul & Jain (1973), in the parameterisation of GPO of gamlss.

    >>> from disttrain.distributions import GeneralizedPoisson
    >>> GeneralizedPoisson(mean=3.0, dispersion=0.5).log_prob(0.0)  # -3.0 / (1 + 0.5 * 3.0)
    tensor(-1.2000, dtype=torch.float64)
    """

    support = constraints.nonnegative_integer
    _mean: Positive = stored(alias="mean")
    dispersion: Positive

    @property
    def mode(self) -> Tensor:
        with torch.no_grad():
            return lattice_sums.unimodal_mode(self.log_prob, self._mean)

    @property
    def variance(self) -> Tensor:
        return self._mean * self._inflation.square()

    @property
    def _inflation(self) -> Tensor:
        return 1.0 + self.dispersion * self._mean

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,): the branching process, generation by generation."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            inflation, mean = self._inflation.expand(shape), self._mean.expand(shape)
            newborn = torch.poisson(mean / inflation)
            total = newborn.clone()
            for _ in range(_GENERATIONS):
                if not bool((newborn > 0).any()):
                    return total
                newborn = torch.poisson(newborn * (1.0 - 1.0 / inflation))
                total = total + newborn
            alive = newborn.clamp(min=1.0)
            # Mean and variance of the descendants of so many: Consul & Famoye (2006), section 8.2.
            descendants = alive * (inflation - 1.0)
            rest = InverseGaussian(descendants, descendants.square() / (inflation * inflation)).sample().round()
            return total + torch.where(newborn > 0, rest, 0.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,): a Poisson probability of rate mean (1 + dispersion y)/(1 + dispersion mean), divided by 1 + dispersion y."""
        rate = self._mean / self._inflation * (1.0 + self.dispersion * value)
        return -special.deviance(value, rate) - special.log_factorial_remainder(value) - torch.log1p(self.dispersion * value)

    def _half_width(self) -> Tensor:
        # The ratio of neighbouring probabilities tends to 1 - 1/(2 inflation²).
        return 45.0 * (1.0 + self.variance.sqrt() + 2.0 * self._inflation.square())


@lattice_tails
class PoissonInverseGaussian(Distribution):
    """Poisson whose rate is inverse Gaussian: counts with mean `mean` and variance mean + `dispersion` mean², both (n,).

    Its tail is longer than the negative binomial's with equal mean and variance. Source: Holla (1967); Dean, Lawless & Willmot (1989); PIG of gamlss.

    >>> from disttrain.distributions import PoissonInverseGaussian
    >>> PoissonInverseGaussian(mean=3.0, dispersion=0.4).log_prob(0.0)  # (1 - math.sqrt(1 + 2 * 0.4 * 3.0)) / 0.4
    tensor(-2.1098, dtype=torch.float64)
    """

    support = constraints.nonnegative_integer
    _mean: Positive = stored(alias="mean")
    dispersion: Positive

    @property
    def mode(self) -> Tensor:
        with torch.no_grad():
            return lattice_sums.unimodal_mode(self.log_prob, self._mean)

    @property
    def variance(self) -> Tensor:
        return self._mean * (1.0 + self.dispersion * self._mean)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            return torch.poisson(InverseGaussian(self._mean, self._mean / self.dispersion).sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,): a Bessel function K of order y - ½, which up to y = 30 is a finite sum of positive terms.

        Above, the saddle-point form: two exact squares, and the correction of K as a series in 1/s, s² = (y - ½)² + argument².
        """
        value, mean, dispersion = torch.broadcast_tensors(value.detach(), self._mean, self.dispersion)  # type: ignore[no-untyped-call]
        large = value > bessel.LARGE
        score = torch.empty_like(mean)
        # Each form where it is needed alone: they cost hundreds of operations.
        for form, where in ((_saddle_form, large), (_finite_form, ~large)):
            score = score.masked_scatter(where, form(value[where], mean[where], dispersion[where]))
        return score

    def _half_width(self) -> Tensor:
        # The ratio of neighbouring probabilities tends to 1 - 1/(1 + 2 dispersion mean).
        return 45.0 * (2.0 + self.variance.sqrt() + 2.0 * self.dispersion * self._mean)

    def _log_sums(self, start: Tensor, direction: Tensor, length: Tensor) -> Tensor:
        """log Σ of the probabilities of `length` counts, start, start + direction, ...; down to 0 by all of them.

        Without a gradient, sums of a few thousand counts are recursions in the ratio of neighbouring probabilities: a hundredth of the time.
        """
        mean, dispersion, start, direction, length = torch.broadcast_tensors(self._mean, self.dispersion, start, direction, length)  # type: ignore[no-untyped-call]
        if torch.is_grad_enabled() and (mean.requires_grad or dispersion.requires_grad):
            return lattice_sums.log_sum(self.log_prob, start, direction, length)
        result, down = torch.empty_like(start), direction < 0
        short = torch.where(down, start, length) <= _LONGEST_RECURSION
        for some, form in ((short & down, _log_sum_down), (short & ~down, _log_sum_up)):
            result[some] = form(start[some], length[some], mean[some], dispersion[some])
        long = ~short
        if bool(long.any()):
            part = PoissonInverseGaussian(mean[long], dispersion[long])
            result[long] = lattice_sums.log_sum(part.log_prob, start[long], direction[long], length[long])
        return result


def _ratio_of(count: Tensor | float, ratio: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """P(count + 1)/P(count) from P(count)/P(count - 1), count >= 1: a sum of two positive terms. Source: Willmot (1987), equation 3.2."""
    inflation = 1.0 + 2.0 * dispersion * mean
    smooth = 2.0 * dispersion * mean * (count - 0.5) / (count + 1.0) / inflation
    return smooth + (mean * mean / inflation) / (count * (count + 1.0) * ratio.clamp(min=_LEAST_RATIO))


def _log_sum_down(start: Tensor, length: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """log P(Y <= start): its ratio to P(start) from the same ratio one count below, from 0 up."""
    del length
    total, rows = torch.ones_like(start), torch.arange(len(start))
    ratio, below = mean / (1.0 + 2.0 * dispersion * mean).sqrt(), torch.ones_like(start)
    state = [start, mean, dispersion, ratio, below]
    for count in range(1, int(start.max()) + 1 if len(start) else 1):
        if count % _COMPACT == 1:
            going = state[0] >= count
            rows, state = rows[going], [part[going] for part in state]
        last, m, d, ratio, below = state
        below = torch.where(last >= count, 1.0 + below / ratio, below)
        state = [last, m, d, _ratio_of(float(count), ratio, m, d), below]
        if count % _COMPACT == 0 or count == int(start.max()):
            total[rows] = below
    return total.log() + PoissonInverseGaussian(mean, dispersion).log_prob(start)


def _log_sum_up(start: Tensor, length: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """log P(start <= Y < start + length), up to counts whose share is negligible."""
    count = PoissonInverseGaussian(mean, dispersion)
    first = count.log_prob(start)
    ratio, sums, rows = (count.log_prob(start + 1.0) - first).exp(), torch.ones_like(start), torch.arange(len(start))
    state = [start + 1.0, length, mean, dispersion, ratio, sums, sums]
    number = 1
    while len(rows):
        for _ in range(_COMPACT):
            y, left, m, d, ratio, term, total = state
            term = torch.where(left > number, term * ratio, 0.0)
            state = [y + 1.0, left, m, d, _ratio_of(y, ratio, m, d), term, total + term]
            number += 1
        sums = sums.index_copy(0, rows, state[-1])
        going = state[-2] > _NEGLIGIBLE * state[-1]
        rows, state = rows[going], [part[going] for part in state]
    return first + sums.log()


def _argument(mean: Tensor, dispersion: Tensor) -> tuple[Tensor, Tensor]:
    """1/dispersion, and the argument of K, whose square is (1/dispersion) (1/dispersion + 2 mean)."""
    inverse = dispersion.reciprocal()
    return inverse, (inverse * (inverse + 2.0 * mean)).sqrt()


def _finite_form(value: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    root = (1.0 + 2.0 * mean * dispersion).sqrt()
    none = -2.0 * mean / (1.0 + root)
    spherical = bessel.log_spherical((value - 1.0).clamp(min=0.0), _argument(mean, dispersion)[1])
    return none + value * (mean.log() - root.log()) - torch.lgamma(value + 1.0) + spherical


def _saddle_form(value: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    order = value - 0.5
    inverse, argument = _argument(mean, dispersion)
    s = torch.hypot(order, argument)
    rate = mean * ((s + order) / (inverse + 2.0 * mean))
    distance = order - mean
    mixing = inverse * distance * (distance / (argument.square() + mean * order + s * (mean + inverse)))
    width = argument.log() - 0.5 * (s.log() + (s + order).log())
    return bessel.log_debye(order, s, -1.0) + width - special.deviance(value, rate) - mixing - special.log_factorial_remainder(value)
