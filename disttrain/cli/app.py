"""The command line and its commands. Each command has a module of its own and imports torch only inside its body."""

from __future__ import annotations

import gc
import os
import sys

import typer

from disttrain.cli import stop_signals, streams
from disttrain.cli.check import check
from disttrain.cli.evaluate import evaluate
from disttrain.cli.explain import explain
from disttrain.cli.families import families
from disttrain.cli.fit import fit
from disttrain.cli.options import FitCommand
from disttrain.cli.predict import predict
from disttrain.cli.select import select
from disttrain.cli.terminal import Version, command, report
from disttrain.cli.usage import Program
from disttrain.errors import STOPPED, DisttrainError, ReaderLeft

app = typer.Typer(
    name="disttrain",
    cls=Program,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train a neural network that predicts a probability distribution, by empirical cross-entropy. One YAML file says which.",
    epilog="Start: disttrain fit config.yaml · disttrain predict · disttrain evaluate --metric nll. "
    "The options -q, -v, --json, --color, --no-progress and --debug stand before or behind a command.",
)

# New objects after which Python looks for cycles of them that nobody uses.
_OBJECTS = 10_000

_PANELS = {
    "Start": (families,),
    "Model": (check, fit, predict, evaluate),
    "Understand": (explain,),
    "Choose": (select,),
}


@app.callback()
def _main(version: Version = False) -> None:
    pass


for _panel, _functions in _PANELS.items():
    for _function in _functions:
        app.command(rich_help_panel=_panel, cls=FitCommand if _function is fit else None)(command(_function))


def main() -> None:
    """Run the command line."""
    # Importing torch makes half a million objects that stay to the end: looking for garbage among them after every 700 new ones, and
    # once more at exit, took a third of the time of a short command.
    gc.set_threshold(_OBJECTS)
    streams.guard()
    with stop_signals.interruptible():
        code = _ended()
        gc.freeze()
        if code in STOPPED.values():
            # Threads that still read or write are not waited for, and say nothing more.
            sys.stderr.flush()
            os._exit(code)
        sys.exit(code)


def _ended() -> int:
    """Run the command line, flush its output and return the exit code."""
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except DisttrainError as fault:
        return _unwritten(fault)
    else:
        code = 0
    try:
        streams.flushed()
    except DisttrainError as fault:
        return code or _unwritten(fault)
    return code


def _unwritten(fault: DisttrainError) -> int:
    if not isinstance(fault, ReaderLeft):
        report(fault)
    return fault.exit_code
