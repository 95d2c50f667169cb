"""Paths as people write them: `~` is the home folder wherever a path may stand, in a config, an option or an argument."""

from __future__ import annotations

import os
from pathlib import Path

from disttrain.config.messages import escaped
from disttrain.errors import Finding, UsageError

__all__ = ["expanded", "folder_to_make"]


def expanded(path: str | Path) -> Path:
    """The path with `~` and `~user` at its beginning as home folders; where there is no such user it is an ordinary name."""
    return Path(os.path.expanduser(path))


def folder_to_make(path: str | Path) -> Path:
    """The same for a folder that is made where absent.

    Raises UsageError for the home of a user there is not: a folder called `~user`, made unasked, would be looked for elsewhere.
    """
    folder = expanded(path)
    first = folder.parts[0] if folder.parts else ""
    if not first.startswith("~") or os.path.lexists(first):
        return folder
    what = f"`{escaped(first)}` is no home folder: there is no such user"
    # `./~user` would do in a config, but not after an option that is read as a path, which drops the `./`.
    hints = (f"for a folder of that name write `{escaped(os.path.abspath(path))}`",)
    raise UsageError(Finding("no-home", what, escaped(str(path)), hints=hints))
