"""Distributions on the half line."""
