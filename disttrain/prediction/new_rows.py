"""Rows that a model has not seen: a file to predict or to score, in whatever format it comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from disttrain import data as rooms
from disttrain.config import Config
from disttrain.data import FORMATS, Source
from disttrain.data.io.formats import suffix_of


def new_source(data: str, config: Config, format: str | None = None, renamed: Mapping[str, str] | None = None) -> Source:
    """The files that `data` names, relative to the working folder; `renamed` {column: its name there}.

    Without a `format` a file has the one of its suffix, or else the one that the config names. Of a folder with files of several formats
    those of the config's are meant, as for training. Raises DataError where there is no file.
    """
    files = rooms.files(data, Path.cwd(), format or "auto")
    if format is None:
        forms = {next((form.name for form in FORMATS.values() if suffix_of(file) in form.suffixes), "") for file in files}
        format = config.data.format if "" in forms else "auto"
        if "" not in forms and len(forms) > 1 and config.data.format in forms:
            files, format = _of_format(data, files, config.data.format)
    return Source(files, format, config.data.csv, renamed, configured=False)


def _of_format(data: str, files: tuple[Path, ...], format: str) -> tuple[tuple[Path, ...], str]:
    chosen = rooms.files(data, Path.cwd(), format)
    return (chosen, format) if chosen != files else (files, "auto")
