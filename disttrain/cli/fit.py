"""`disttrain fit`: train as a config says."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from disttrain.cli.options import NEWEST, Set
from disttrain.cli.terminal import Terminal


def fit(
    terminal: Terminal,
    config: Annotated[Path, typer.Argument(help="The config file.")],
    set_: Set = None,
    data: Annotated[str | None, typer.Option("--data", help="Train on this file instead of `data.train`.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run folder, instead of the next number under `output.folder`.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is in the folder of `--out`.")] = False,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="[RUN]", help="Go on with this run; without RUN, the newest unfinished one of this config."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check config and data, and show what would be trained.")] = False,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of split, weights and order of rows.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Upper limit of epochs.")] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", help="Stop training after 90s, 30m, 2h; slow scores are left out then.")
    ] = None,
    limit_rows: Annotated[int | None, typer.Option("--limit-rows", min=2, help="Use the first rows of each source only.")] = None,
) -> None:
    """Fit a network: minimise the empirical cross-entropy (mean negative log-likelihood)."""
    from disttrain.validation.config import configuration

    options = {"data.train": _source(data, config), "training.device": device, "training.seed": seed,
               "training.epochs": epochs, "training.time_limit": time_limit}  # fmt: skip
    loaded = configuration(config, [*(set_ or ()), *(f"{key}={value}" for key, value in options.items() if value is not None)])
    if dry_run:
        from disttrain.cli.check import show_check

        show_check(terminal, loaded, limit_rows, out)
        return
    from disttrain.cli.progress import follow, reading

    resumed = resume is not None and (resume == NEWEST or Path(resume))
    with reading(terminal) as clear_status:
        from disttrain.workflows.fit import fit as run

        events = partial(run, loaded, out=out, overwrite=overwrite, resume=resumed, limit=limit_rows, command=sys.argv)
        follow(terminal, events, clear_status)


def _source(data: str | None, config: Path) -> str | None:
    """The value of `--data` as a YAML string in quotes, so that `#` and `: ` in it stay text.

    A path is resolved against the working folder; `-` for stdin and addresses stay unchanged.
    """
    if data is None:
        return None
    from disttrain.config import expanded
    from disttrain.config.remote import remote

    if data == "-" or remote(data) is not None:
        return json.dumps(data)
    path = expanded(data).absolute()
    # Relative: the folders above may have names that are no text, which a config could not say.
    return json.dumps(str(path) if str(path).isprintable() else os.path.relpath(path, config.parent), ensure_ascii=False)
