"""Output activations: the table with ranges and floors, and the activations of vectors and matrices."""
