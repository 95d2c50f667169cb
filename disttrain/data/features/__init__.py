"""Features as numbers: how each column is encoded, and what training saw of it."""
