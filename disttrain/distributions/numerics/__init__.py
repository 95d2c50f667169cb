"""Special functions, exact in both tails and differentiable, and counter-based random numbers."""
