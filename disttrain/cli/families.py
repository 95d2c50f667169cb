"""`disttrain families`: which families there are, and what is known of one."""

from __future__ import annotations

from typing import Annotated

import typer

from disttrain.cli.talk import Talk

__all__ = ["families"]


def families(
    talk: Talk,
    name: Annotated[str | None, typer.Argument(help="The family to describe. Default: list all.")] = None,
    support: Annotated[str | None, typer.Option("--support", help="Only families of real, positive, unit, count or class targets.")] = None,
) -> None:
    """List the distribution families, or describe one."""
    from disttrain.workflows.catalogue import described, listing

    if name is not None:
        facts = described(name)
        if talk.json:
            talk.document(facts.document)
        else:
            for line in facts.lines:
                talk.show(line)
        return
    rows = listing(support)
    if talk.json:
        talk.document({"families": rows})
        return
    from disttrain.cli import tables

    tables.families(talk.out, rows)
    talk.say("\nNext: disttrain families NAME")
