"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["RUNS", "RunArgument", "Set", "listed"]

# Where runs are looked for when none is named.
RUNS = Path("runs")

Set = Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a key of the config; repeatable.")]
RunArgument = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="A run folder or its model folder. Default: the newest finished run.")
]


def listed(text: str | None) -> tuple[str, ...] | None:
    """The parts of `a,b,c`; None for None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
