"""Distributions composed of other distributions: mixtures, zero inflation, hurdles, truncation, rounding."""
