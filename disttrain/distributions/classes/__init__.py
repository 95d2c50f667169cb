"""Distributions of classes: named ones, and ordered ones."""
