"""`disttrain predict`: write each row's predicted parameters."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from disttrain.choices import PREDICTION_COLUMNS
from disttrain.cli.options import FORMATS_LISTED, RUNS, SEVERAL, InputFormat, Map, RunArgument, Unknown, bad_option, numbers, pairs, words
from disttrain.cli.terminal import Terminal

Columns = Annotated[list[str] | None, typer.Option("--columns", metavar="NAME", help=f"{', '.join(PREDICTION_COLUMNS)}; {SEVERAL}")]
Quantiles = Annotated[list[str] | None, typer.Option("--quantiles", metavar="LEVEL", help=f"Levels such as 0.05,0.5,0.95; {SEVERAL}")]
Times = Annotated[
    list[str] | None, typer.Option("--times", metavar="TIME", help=f"Times of survival and hazard, such as 30,365; {SEVERAL}")
]
Keep = Annotated[list[str] | None, typer.Option("--keep", metavar="COLUMN", help=f"Input columns to copy, or all; {SEVERAL}")]
Rename = Annotated[list[str] | None, typer.Option("--rename", metavar="OLD=NEW", help="Rename predicted columns; a=b,c=d, or repeatable.")]
Shard = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts, from 0; each is whole blocks of 65,536 rows.")
]
OutputFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        help=f"{FORMATS_LISTED}; default: what the name of -o says. "
        "csv copies text as it is; a spreadsheet may run text that begins with = + - or @.",
    ),
]
SpreadsheetSafe = Annotated[
    bool, typer.Option("--spreadsheet-safe", help="In csv, put ' before text that a spreadsheet would run as a formula.")
]


def predict(
    terminal: Terminal,
    run: RunArgument = None,
    data: Annotated[str | None, typer.Option("--data", help="File, glob or folder; - reads stdin. Default: the run's own data.")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write; - writes to stdout.")] = None,
    columns: Columns = None,
    quantiles: Quantiles = None,
    times: Times = None,
    samples: Annotated[int, typer.Option("--samples", min=0, max=10_000, help="Draws from each row's distribution.")] = 0,
    keep: Keep = None,
    prefix: Annotated[str, typer.Option("--prefix", help="Put before every predicted column.")] = "",
    rename: Rename = None,
    shard: Shard = "0/1",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    format_: OutputFormat = None,
    spreadsheet_safe: SpreadsheetSafe = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
    input_format: InputFormat = None,
    map_: Map = None,
    unknown: Unknown = "error",
) -> None:
    """Write each row's predicted parameters to Parquet."""
    from disttrain.validation.options import PredictOptions

    request = PredictOptions(
        run, data, output, words(columns), numbers("--quantiles", quantiles, "0.05,0.5,0.95"), numbers("--times", times, "30,365"), samples,
        tuple(keep or ()), prefix, pairs("--rename", rename, "OLD=NEW", "loc=predicted_mean"), _shard(shard), format_, overwrite, device,
        input_format, pairs("--map", map_, "COLUMN=NAME", "driver_age=DriverAge"), unknown, spreadsheet_safe,
    )  # fmt: skip
    from disttrain.workflows.predict import predict as workflow

    done = workflow(request, RUNS)
    terminal.note(done.remarks, done.notes)
    terminal.say(f"run {done.run}{' (newest)' if done.newest else ''} · {done.rows:,} row{'s' if done.rows != 1 else ''} -> {done.output}")
    if terminal.json and done.output != "-":
        terminal.document({"run": done.run, "output": done.output, "rows": done.rows, "notes": list(done.notes)})


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not int(match[1]) < int(match[2]):
        raise bad_option("--shard", f"`{text}` is not I/N with I below N", "such as `--shard 0/4`")
    return int(match[1]), int(match[2])
