"""The tools of all distributions: parameters, functionals, log tail probabilities, root finding, quadrature, sums over integers."""

from disttrain.distributions.core import functionals as functionals
