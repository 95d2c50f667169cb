"""The source of new rows to predict or to score, in any format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from disttrain.config import Config
from disttrain.data import FORMATS, Source, files
from disttrain.data.io.formats import suffix_of


def new_source(data: str, config: Config, format: str | None = None, renamed: Mapping[str, str] | None = None) -> Source:
    """The files that `data` names, relative to the working folder. `renamed` is {column: its name in the files}.

    Without a `format`, a file has the format of its suffix, else the config's format. In a folder with several formats, the files of the
    config's format are used, as for training. Raises DataError if there is no file.
    """
    paths = files(data, Path.cwd(), format or "auto")
    if format is None:
        forms = {next((form.name for form in FORMATS.values() if suffix_of(file) in form.suffixes), "") for file in paths}
        format = config.data.format if "" in forms else "auto"
        if "" not in forms and len(forms) > 1 and config.data.format in forms:
            paths, format = _of_format(data, paths, config.data.format)
    return Source(paths, format, config.data.csv, renamed, configured=False)


def _of_format(data: str, paths: tuple[Path, ...], format: str) -> tuple[tuple[Path, ...], str]:
    chosen = files(data, Path.cwd(), format)
    return (chosen, format) if chosen != paths else (paths, "auto")
