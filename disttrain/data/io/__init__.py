"""From bytes to Arrow: which files there are, how they are written, and their rows in batches."""
