"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from disttrain.errors import Finding, UsageError

__all__ = ["NEWEST", "RUNS", "FitCommand", "InputFormat", "Map", "RunArgument", "Set", "Unknown", "listed", "pairs"]

# Where runs are looked for when none is named.
RUNS = Path("runs")
# What `--resume` is given where it stands without a value.
NEWEST = ""

Set = Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a key of the config; repeatable.")]
RunArgument = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="A run folder or its model folder. Default: the newest finished run.")
]

InputFormat = Annotated[str | None, typer.Option("--input-format", help="parquet, csv, feather, arrow or ndjson. Default: by the suffix.")]
Map = Annotated[list[str] | None, typer.Option("--map", metavar="COLUMN=NAME", help="What the file calls a column; repeatable.")]
Unknown = Annotated[str, typer.Option("--unknown", help="ok: go on where no category of a feature is known. Default: error.")]


def pairs(option: str, texts: Sequence[str] | None, example: str) -> tuple[tuple[str, str], ...]:
    """The two sides of each `A=B` that an option was given. Raises UsageError."""
    made = [text.partition("=") for text in texts or ()]
    for text, (left, _, right) in zip(texts or (), made, strict=True):
        if not (left and right):
            raise UsageError(Finding("bad-option", f"`{text}` is no pair of names", option, hints=(f"such as `{option} {example}`",)))
    return tuple((left, right) for left, _, right in made)


def listed(text: str | None) -> tuple[str, ...] | None:
    """The parts of `a,b,c`; None for None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


class FitCommand(TyperCommand):
    """A command whose option `--resume` may stand without a value, which typer has no word for.

    What follows it is its value unless that is another option, the config file or nothing.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_completed(args)))


def _completed(args: Sequence[str]) -> Iterator[str]:
    for argument, following in zip(args, [*args[1:], None], strict=True):
        alone = following is None or following.startswith("-") or Path(following).is_file()
        yield f"--resume={NEWEST}" if argument == "--resume" and alone else argument
