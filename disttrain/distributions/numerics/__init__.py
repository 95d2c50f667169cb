"""Special functions, exact in both tails and differentiable, and random numbers by their place."""
