"""YAML 1.2 as a config is written: parsed strictly, with the place of every value, and overridden from the command line."""
