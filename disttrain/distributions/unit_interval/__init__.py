"""Distributions on the unit interval."""
