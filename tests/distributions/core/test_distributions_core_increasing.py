"""A distribution of a standard law and an increasing map: the class says the map, and the rest follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import Normal
from disttrain.distributions.core import functionals
from disttrain.distributions.core.increasing import CAUCHY, increasing
from disttrain.distributions.core.parametrised import Positive, Real


@increasing(CAUCHY)
class LogCauchy(Distribution):
    """The exponential of a Cauchy."""

    support = constraints.positive
    loc: Real
    scale: Positive

    def _z(self, value: Tensor) -> Tensor:
        return (value.log() - self.loc) / self.scale

    def _y(self, z: Tensor) -> Tensor:
        return (self.loc + self.scale * z).exp()

    def _log_stretch(self, value: Tensor) -> Tensor:
        return self.scale.log() + value.log()


def test_density_tails_and_quantile_follow_from_the_law_and_the_map():
    made, z = LogCauchy(0.5, torch.tensor([2.0, 0.3], dtype=torch.float64)), stats.cauchy(0.5, np.array([2.0, 0.3]))
    y = np.array([[0.2, 0.2], [1.7, 1.7], [30.0, 30.0]])
    np.testing.assert_allclose(made.log_prob(y), z.logpdf(np.log(y)) - np.log(y), rtol=1e-12)
    np.testing.assert_allclose(made.cdf(y), z.cdf(np.log(y)), rtol=1e-12)
    np.testing.assert_allclose(made.log_survival(y), z.logsf(np.log(y)), rtol=1e-12)
    np.testing.assert_allclose(made.icdf([0.2, 0.9]), np.exp(z.ppf([0.2, 0.9])), rtol=1e-12)
    assert made.cdf(-1.0).tolist() == [0.0, 0.0]
    assert made.survival(-1.0).tolist() == [1.0, 1.0]
    assert bool(functionals.mode(made.expand((2, 2))).isfinite().all())
    assert made.sample((3,)).shape == (3, 2)


def test_parameters_are_the_annotated_names_in_their_order():
    assert list(LogCauchy.arg_constraints) == ["loc", "scale"]
    with pytest.raises(ValueError, match="scale"):
        LogCauchy(0.0, -1.0, validate_args=True)


@pytest.mark.parametrize(("values", "named"), [((1.0,), {}), ((0.0, 1.0), {"loc": 2.0}), ((0.0,), {"width": 1.0}), ((0.0, 1.0, 2.0), {})])
def test_a_constructor_refuses_other_parameters_and_names_its_own(values, named):
    with pytest.raises(TypeError, match="Normal takes loc, scale"):
        Normal(*values, **named)


def test_methods_that_a_class_leaves_without_a_docstring_have_one():
    assert LogCauchy.log_survival.__doc__ == "log P(Y > value), differentiable in the parameters."
