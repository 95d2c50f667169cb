"""Data sources that are not local files, and the command that downloads each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from disttrain.choices import SPLITS
from disttrain.config.messages import display
from disttrain.config.yaml.scalars import Document, Yaml
from disttrain.config.yaml.source_map import Path, Problem

_SCHEME = re.compile(r"([a-z][a-z\d+.-]{1,})://(.*)", re.IGNORECASE | re.DOTALL)
# `file:///a.csv`, `file://localhost/a.csv` and `file:/a.csv` are the same path (RFC 8089).
_FILE = re.compile(r"file:(?://(?:localhost(?=/))?|(?=/))", re.IGNORECASE)
_DRIVE = re.compile(r"/[a-z]:[/\\]", re.IGNORECASE)
_KEY = r"(?P<key>[^/]+/.+)"
# Azure's tool knows the address of a blob, and none of the schemes of Hadoop.
_AZURE = (r"(?P<container>[^/@]+)@(?P<account>[^/@]+)/(?P<blob>.+)", "azcopy copy", "https://{account}/{container}/{blob}", ".")
# Of each scheme: what stands behind it, the command that downloads it, and what this is given.
_DOWNLOADS = {
    "s3": (_KEY, "aws s3 cp", "s3://{key}", "."),
    "s3a": (_KEY, "aws s3 cp", "s3://{key}", "."),
    "gs": (_KEY, "gcloud storage cp", "gs://{key}", "."),
    "http": (_KEY, "curl -LO", "http://{key}"),
    "https": (_KEY, "curl -LO", "https://{key}"),
    "ftp": (_KEY, "curl -LO", "ftp://{key}"),
    "hf": (
        r"datasets/(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>refs/\w+/\w+|[^/]+))?/(?P<file>.+)",
        "hf download", "{name}", "{file}", "--repo-type", "dataset", "--revision", "{revision}", "--local-dir", ".",
    ),
    "abfss": _AZURE, "abfs": _AZURE, "wasbs": _AZURE, "wasb": _AZURE,
}  # fmt: skip
_DATABASE = "write the rows to a file first, such as Parquet or CSV, and name it here"


def remote(source: str) -> tuple[str, str] | None:
    """The problem of a source such as `s3://bucket/claims.parquet` and its hint; None for a path."""
    if address := _FILE.match(source):
        path = unquote(source[address.end() :])
        return f"{display(source)} is an address, not a path", f"write `{path[1:] if _DRIVE.match(path) else path}`"
    if (match := _SCHEME.match(source)) is None:
        return None
    what = f"{display(source)} is not on this machine, and this version reads files only"
    return what, _download(match[1].lower(), match[2])


def _download(scheme: str, rest: str) -> str:
    """The hint with the POSIX shell command that downloads the file `rest` of a scheme."""
    if scheme not in _DOWNLOADS:
        return _DATABASE
    pattern, command, *words = _DOWNLOADS[scheme]
    if (parts := re.fullmatch(pattern, rest)) is None or "*" in rest:
        return "download it, and name the file here"
    values = {name: unquote(part) if name == "revision" else part for name, part in parts.groupdict(default="main").items()}
    return f"download it, `{' '.join([command, *(shlex.quote(word.format(**values)) for word in words)])}`, and name the file here"


def remote_problems(data: Document) -> Iterator[Problem]:
    """The problems of sources in a raw `data` section that are not local files."""
    for key in SPLITS:
        value = data.get(key)
        if isinstance(value, Mapping) and "sql" in value:
            yield Problem((key,), "not-available", "a database is not read in this version, files only", hints=(_DATABASE,), on_key=True)
        for path, source in _texts(value):
            if (refusal := remote(source)) is not None:
                what, hint = refusal
                yield Problem((key, *path), "not-available", what, hints=(hint,))


def _texts(value: Yaml) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield (), value
    elif isinstance(value, list):
        yield from (((index,), item) for index, item in enumerate(value) if isinstance(item, str))
