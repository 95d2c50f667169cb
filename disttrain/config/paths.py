"""User paths: `~` is the home folder in every path of a config, an option or an argument."""

from __future__ import annotations

import os
from pathlib import Path

from disttrain.config.messages import escaped
from disttrain.errors import Finding, UsageError


def expanded(path: str | Path) -> Path:
    """The path with a leading `~` or `~user` replaced by the home folder; unchanged if there is no such user."""
    return Path(os.path.expanduser(path))


def folder_to_make(path: str | Path) -> Path:
    """The path of a folder to create if absent, with a leading `~` or `~user` replaced by the home folder.

    Raises UsageError if there is no such user: people would look elsewhere for a new folder called `~user`.
    """
    folder = expanded(path)
    first = folder.parts[0] if folder.parts else ""
    if not first.startswith("~") or os.path.lexists(first):
        return folder
    what = f"`{escaped(first)}` is no home folder: there is no such user"
    # `./~user` would do in a config, but not after an option that is read as a path, which drops the `./`.
    hints = (f"for a folder of that name write `{escaped(os.path.abspath(path))}`",)
    raise UsageError(Finding("no-home", what, escaped(str(path)), hints=hints))
