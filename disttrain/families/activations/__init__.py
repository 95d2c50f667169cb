"""Output activations: the table of them, their ranges and floors, and those of vectors and matrices."""
