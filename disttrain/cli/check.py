"""`disttrain check`: every check of `fit`, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from disttrain.cli.options import Set
from disttrain.cli.terminal import Terminal
from disttrain.errors import AnswerIsNo, Finding

if TYPE_CHECKING:
    from disttrain.config import Loaded


def check(
    terminal: Terminal,
    config: Annotated[Path, typer.Argument(help="The config file.")],
    set_: Set = None,
    config_only: Annotated[bool, typer.Option("--config-only", help="Do not look at the data.")] = False,
    rows: Annotated[int | None, typer.Option("--rows", min=2, help="Look at the first rows of each source only.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where there are warnings.")] = False,
) -> None:
    """Check config and data without training."""
    from disttrain.validation.config import configuration

    loaded = configuration(config, set_ or ())
    if config_only:
        terminal.say("  ✓ config      no mistake found; the data were not looked at")
        if terminal.json:
            terminal.document({"checks": [], "warnings": 0})
        return
    warnings = show_check(terminal, loaded, rows)
    if strict and warnings:
        raise AnswerIsNo(Finding("warnings", f"{warnings} warnings, and `--strict` allows none"))


def show_check(terminal: Terminal, loaded: Loaded, rows: int | None, out: Path | None = None) -> int:
    """Print the results of all checks and return the number of warnings."""
    from disttrain.workflows.check import check as workflow

    remarks = workflow(loaded, rows, detailed=terminal.verbose > 0, out=out)
    warnings = sum(remark.warning for remark in remarks)
    if terminal.json:
        terminal.document({"checks": [{"topic": r.topic, "text": r.text, "warning": r.warning} for r in remarks], "warnings": warnings})
        return warnings
    for remark in remarks:
        terminal.show(f"  {'!' if remark.warning else '✓'} {remark.topic:<11} {remark.text}")
    terminal.show(f"{warnings} warning{'s' if warnings != 1 else ''}, 0 errors." + (" `--strict` would fail." if warnings else ""))
    return warnings
