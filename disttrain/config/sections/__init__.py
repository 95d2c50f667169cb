"""The sections of a config: what each key may be."""
