"""`disttrain predict`: write each row's predicted parameters."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from disttrain.cli.options import RUNS, RunArgument, listed
from disttrain.cli.talk import Talk
from disttrain.errors import Finding, UsageError

__all__ = ["predict"]

_Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="parquet, csv, feather, arrow or ndjson; default: what the name of -o says. "
        "csv copies text as it is; a spreadsheet may run text that begins with = + - or @.",
    ),
]
_SpreadsheetSafe = Annotated[
    bool, typer.Option("--spreadsheet-safe", help="In csv, put ' before text that a spreadsheet would run as a formula.")
]


def predict(
    talk: Talk,
    run: RunArgument = None,
    data: Annotated[str | None, typer.Option("--data", help="File, glob or folder; - reads stdin. Default: the run's own data.")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write; - writes to stdout.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="parameters,mean,std,variance,median,mode,quantiles,survival,hazard")
    ] = None,
    quantiles: Annotated[str | None, typer.Option("--quantiles", help="Levels such as 0.05,0.5,0.95")] = None,
    times: Annotated[str | None, typer.Option("--times", help="Times of survival and hazard, such as 30,365")] = None,
    samples: Annotated[int, typer.Option("--samples", min=0, max=10_000, help="Draws from each row's distribution.")] = 0,
    keep: Annotated[str | None, typer.Option("--keep", help="Input columns to copy, or all.")] = None,
    prefix: Annotated[str, typer.Option("--prefix", help="Put before every predicted column.")] = "",
    rename: Annotated[list[str] | None, typer.Option("--rename", metavar="OLD=NEW", help="Rename a predicted column; repeatable.")] = None,
    shard: Annotated[str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts, from 0.")] = "0/1",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    format_: _Format = None,
    spreadsheet_safe: _SpreadsheetSafe = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
) -> None:
    """Write each row's predicted parameters to Parquet."""
    from disttrain.workflows.requests import Request, require_request

    request = Request(
        run, data, output, listed(columns), _numbers("--quantiles", quantiles), _numbers("--times", times), samples, listed(keep) or (), prefix,
        tuple(_pair(text) for text in rename or ()), _shard(shard), format_, overwrite, device, spreadsheet_safe,
    )  # fmt: skip
    require_request(request)
    from disttrain.workflows.predict import predict as workflow

    done = workflow(request, RUNS)
    for note in done.notes:
        talk.say(f"  ! {note}")
    talk.say(f"run {done.run}{' (newest)' if done.newest else ''} · {done.rows:,} rows -> {done.output}")
    if talk.json and done.output != "-":
        talk.document({"run": done.run, "output": done.output, "rows": done.rows, "notes": list(done.notes)})


_EXAMPLES = {"--quantiles": "0.05,0.5,0.95", "--times": "30,365"}


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    try:
        return None if text is None else tuple(float(part) for part in listed(text) or ())
    except ValueError:
        raise _usage(option, f"`{text}` is not a list of numbers", f"such as `{option} {_EXAMPLES[option]}`") from None


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise _usage("--rename", f"`{text}` is not OLD=NEW", "such as `--rename loc=predicted_mean`")
    return old, new


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not int(match[1]) < int(match[2]):
        raise _usage("--shard", f"`{text}` is not I/N with I below N", "such as `--shard 0/4`")
    return int(match[1]), int(match[2])


def _usage(option: str, what: str, hint: str) -> UsageError:
    return UsageError(Finding("bad-option", what, option, hints=(hint,)))
