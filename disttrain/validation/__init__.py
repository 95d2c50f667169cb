"""Checks of configs and options that do not load torch: distributions, observations and command-line options."""
