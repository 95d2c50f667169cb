"""What distributions share: parameters, functionals, tails in logarithms, quantiles by root finding, integrals, sums over lattices."""
