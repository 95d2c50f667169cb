"""`disttrain explain`: derive the loss of a config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from disttrain.cli.options import Set
from disttrain.cli.terminal import Terminal


def explain(terminal: Terminal, config: Annotated[Path, typer.Argument(help="A config file or a run folder.")], set_: Set = None) -> None:
    """Derive the loss of a config: what cross-entropy is here, what it takes, and what is left of it."""
    from disttrain.config import expanded
    from disttrain.validation.config import configuration

    resolved = expanded(config) / "config.resolved.yaml"
    loaded = configuration(resolved if os.path.isfile(resolved) else config, set_ or ())
    from disttrain.workflows.explain import explain as workflow

    explanation = workflow(loaded)
    if terminal.json:
        terminal.document(explanation.document)
        return
    for line in explanation.lines:
        terminal.show(line)
