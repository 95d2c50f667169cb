"""Which family fits a column, and what is known of each."""
