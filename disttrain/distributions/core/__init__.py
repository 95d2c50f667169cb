"""The tools of all distributions: parameters, functionals, log tail probabilities, root finding, quadrature, sums over integers."""
