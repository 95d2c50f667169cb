"""Rows that a model has not seen: a file to predict or to score, in whatever format it comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from disttrain import data as rooms
from disttrain.config import Config
from disttrain.data import FORMATS, Source
from disttrain.data.io.formats import suffix_of

__all__ = ["new_source"]


def new_source(data: str, config: Config, format: str | None = None, renamed: Mapping[str, str] | None = None) -> Source:
    """The files that `data` names, relative to the working folder; `renamed` {column: its name there}.

    Without a `format` a file has the one of its suffix, or else the one that the config names. Raises DataError where there is no file.
    """
    named = format or config.data.format
    files = rooms.files(data, Path.cwd(), named)
    if format is None and all(any(suffix_of(file) in form.suffixes for form in FORMATS.values()) for file in files):
        named = "auto"
    return Source(files, named, config.data.csv, renamed, configured=False)
