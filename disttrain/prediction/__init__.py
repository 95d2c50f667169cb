"""Which columns are predicted of which rows, and how they are laid out in a file."""
