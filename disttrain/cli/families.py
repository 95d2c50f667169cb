"""`disttrain families`: list the families, describe one, or rank them on a column of data."""

from __future__ import annotations

from typing import Annotated

import typer

from disttrain.cli.terminal import Terminal
from disttrain.errors import Finding, UsageError


def families(
    terminal: Terminal,
    name: Annotated[str | None, typer.Argument(help="The family to describe. Default: list all.")] = None,
    support: Annotated[str | None, typer.Option("--support", help="Only families of real, positive, unit, count or class targets.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Rank the families on a column of this file, glob or folder.")] = None,
    target: Annotated[str | None, typer.Option("--target", "-t", help="The column to rank them on.")] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="The column of the rows' weights.")] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="Show the best N only.")] = None,
) -> None:
    """List the distribution families, describe one, or rank them on a target column."""
    _require_pair(name, data, target, {"--weight": weight, "--top": top})
    if data is not None and target is not None:
        from disttrain.cli.ranking_table import show
        from disttrain.selection.ranking import ranking

        show(terminal, data, ranking(data, target, weight, support), top)
    elif name is not None:
        _describe(terminal, name)
    else:
        _list(terminal, support)


def _require_pair(name: str | None, data: str | None, target: str | None, others: dict[str, object]) -> None:
    """Raise UsageError where an option of the ranking lacks its partner, or stands beside the name of a family."""
    usage = "`disttrain families --data FILE --target COLUMN` ranks the families on a column"
    if (data is None) != (target is None):
        there, lacks = ("--data", "--target") if target is None else ("--target", "--data")
        raise UsageError(Finding("bad-option", f"`{there}` needs `{lacks}`", there, hints=(usage,)))
    if data is None and (ranking_options := [option for option, value in others.items() if value is not None]):
        raise UsageError(
            Finding(
                "bad-option",
                f"`{ranking_options[0]}` is for a ranking, which needs `--data` and `--target`",
                ranking_options[0],
                hints=(usage,),
            )
        )
    if data is not None and name is not None:
        hints = ("leave out the name to rank all families, or the data to describe one",)
        raise UsageError(Finding("bad-option", f"`{name}` names one family, and `--data` ranks many", "NAME", hints=hints))


def _describe(terminal: Terminal, name: str) -> None:
    from disttrain.selection.family_docs import described

    facts = described(name)
    if terminal.json:
        terminal.document(facts.document)
        return
    for line in facts.lines:
        terminal.show(line)


def _list(terminal: Terminal, support: str | None) -> None:
    from disttrain.selection.family_docs import listing

    rows = listing(support)
    if terminal.json:
        terminal.document({"families": rows})
        return
    from disttrain.cli import tables

    tables.families(terminal.out, rows)
    terminal.say("\nNext: disttrain families NAME · disttrain families --data FILE --target COLUMN")
