"""The columns and rows of predictions, and their layout in a file."""
