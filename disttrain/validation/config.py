"""A checked config with its overrides. The checks include the families, and do not load torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from disttrain import config as configs
from disttrain.config import Loaded
from disttrain.validation.distribution import distribution_problems


def configuration(path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """The config file at `path` with `KEY=VALUE` overrides. Raises ConfigError with every mistake."""
    return configs.load(path, overrides, distribution_problems)


def configuration_of(document: Mapping[str, object], overrides: Sequence[str] = ()) -> Loaded:
    """The config of a mapping, with data paths relative to the working folder. Raises ConfigError with every mistake."""
    return configs.loads(configs.dump_document(document), "config", Path.cwd(), overrides, distribution_problems)
