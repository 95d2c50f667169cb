"""The continuous ranked probability score: closed forms, sums over counts, and quadrature."""
