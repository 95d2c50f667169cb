"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

__all__ = ["NEWEST", "RUNS", "FitCommand", "RunArgument", "Set", "listed"]

# Where runs are looked for when none is named.
RUNS = Path("runs")
# What `--resume` is given where it stands without a value.
NEWEST = ""

Set = Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a key of the config; repeatable.")]
RunArgument = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="A run folder or its model folder. Default: the newest finished run.")
]


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
        # Only what follows `--resume` is looked at, and by `os.path`: a text that cannot be a path is no file.
        alone = argument == "--resume" and (following is None or following.startswith("-") or os.path.isfile(following))
        yield f"--resume={NEWEST}" if alone else argument
