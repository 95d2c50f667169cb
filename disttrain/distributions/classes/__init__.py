"""Distributions of classes: nominal and ordinal."""
