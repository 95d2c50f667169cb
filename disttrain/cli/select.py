"""`disttrain select`: compare families, and parameters worth a network, on held-out rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from disttrain.cli.options import SEVERAL, Set
from disttrain.cli.terminal import Terminal


def select(
    terminal: Terminal,
    config: Annotated[Path, typer.Argument(help="The config file.")],
    set_: Set = None,
    families: Annotated[
        list[str] | None,
        typer.Option("--families", metavar="auto|LIST", help=f"Compare these families; auto: all that admit the target. {SEVERAL}"),
    ] = None,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Compare which parameters vary with the features; alone, of the config's family only.")
    ] = False,
    folds: Annotated[int, typer.Option("--folds", metavar="K", help="Equal parts of the rows, held out in turn.")] = 5,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder of the trials, instead of the next number under `output.folder`.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest selection of this config, or with the one in `--out`.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Trials side by side. Default: the number of processor cores.")
    ] = None,
) -> None:
    """Compare families, and the parameters worth a network, out of sample."""
    from disttrain.validation.config import configuration
    from disttrain.validation.select_options import SelectOptions, families_listed

    options = SelectOptions(families_listed(families, parameters), parameters, folds, resume, out, workers)
    loaded = configuration(config, set_ or ())
    from disttrain.cli.progress import reading
    from disttrain.cli.select_progress import follow

    with reading(terminal) as clear_status:
        from disttrain.workflows.select import select as run

        follow(terminal, partial(run, loaded, options), clear_status)
