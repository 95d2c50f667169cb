"""Distributions on the circle."""
