"""Sources that are no files of this machine, and how to make one of them a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from disttrain.config.places import Path, Problem
from disttrain.config.wording import shown

__all__ = ["remote", "remote_problems"]

_SCHEME = re.compile(r"([a-z][a-z\d+.-]{1,})://", re.IGNORECASE)
_DOWNLOADS = {
    "s3": "aws s3 cp {} .", "gs": "gcloud storage cp {} .", "http": "curl -O {}", "https": "curl -O {}", "ftp": "curl -O {}",
    "hf": "hf download {}", "abfss": "azcopy copy {} .", "file": "",
}  # fmt: skip
_DATABASE = "write the rows to a file first, such as Parquet or CSV, and name it here"


def remote(source: str) -> tuple[str, str] | None:
    """What is wrong with a source such as `s3://bucket/claims.parquet`, and the way out; None for a path."""
    match = _SCHEME.match(source)
    if match is None:
        return None
    command = _DOWNLOADS.get(match[1].lower())
    if match[1].lower() == "file":
        return f"{shown(source)} is an address, not a path", f"write `{source[match.end() :]}`"
    what = f"{shown(source)} is not on this machine, and this version reads files only"
    return what, f"download it, `{command.format(source)}`, and name the file here" if command else _DATABASE


def remote_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of sources of a raw `data` section that are no files."""
    for key in ("train", "validation", "test"):
        value = data.get(key)
        if isinstance(value, Mapping) and "sql" in value:
            yield Problem(
                ("data", key), "not-available", "a database is not read in this version, files only", hints=(_DATABASE,), on_key=True
            )
        for path, source in _texts(value, ("data", key)):
            if (found := remote(source)) is not None:
                what, hint = found
                yield Problem(path, "not-available", what, hints=(hint,))


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, index), item) for index, item in enumerate(value) if isinstance(item, str))
