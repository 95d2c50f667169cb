"""Distributions made of others: mixtures, zero inflation, hurdles, truncation, rounding."""
