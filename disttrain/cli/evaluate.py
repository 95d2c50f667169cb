"""`disttrain evaluate`: score predictions against observed targets."""

from __future__ import annotations

from typing import Annotated

import typer

from disttrain.choices import METRICS
from disttrain.cli.options import RUNS, SEVERAL, InputFormat, Map, RunArgument, Unknown, numbers, pairs, words
from disttrain.cli.terminal import Terminal
from disttrain.errors import AnswerIsNo

Metric = Annotated[list[str] | None, typer.Option("--metric", "-m", metavar="NAME", help=f"{', '.join(METRICS)}; {SEVERAL}")]
Level = Annotated[list[str] | None, typer.Option("--level", metavar="LEVEL", help=f"Levels of central intervals, such as 0.9; {SEVERAL}")]
By = Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help=f"Score each value, or range, of a column; {SEVERAL}")]
Require = Annotated[list[str] | None, typer.Option("--require", help=f"Such as 'nll<6.2'; exit 1 where it is not met; {SEVERAL}")]


def evaluate(
    terminal: Terminal,
    run: RunArgument = None,
    data: Annotated[str | None, typer.Option("--data", help="File, glob or folder with the target. Default: the run's test rows.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="train, validation or test, of the run's own rows.")] = None,
    metric: Metric = None,
    level: Level = None,
    by: By = None,
    rows_out: Annotated[str | None, typer.Option("--rows-out", help="Write every row's target and scores to this file.")] = None,
    baseline: Annotated[str, typer.Option("--baseline", help="What to compare with: marginal, or another run.")] = "marginal",
    require: Require = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --rows-out.")] = False,
    input_format: InputFormat = None,
    map_: Map = None,
    unknown: Unknown = "error",
) -> None:
    """Score predictions on a data set."""
    from disttrain.validation.options import EvaluateOptions

    levels = numbers("--level", level, "0.5,0.9") or ()
    question = EvaluateOptions(
        run, data, split, words(metric) or (), levels, tuple(by or ()), rows_out, baseline, words(require) or (), overwrite, device,
        input_format, pairs("--map", map_, "COLUMN=NAME", "driver_age=DriverAge"), unknown,
    )  # fmt: skip
    from disttrain.cli import tables
    from disttrain.evaluation.requirements import require_met
    from disttrain.workflows.evaluate import evaluate as workflow

    answer = workflow(question, RUNS)
    refusal = None
    try:
        require_met(answer, question.require)
    except AnswerIsNo as fault:
        refusal = fault
    if terminal.json:
        terminal.document(answer.document)
    else:
        tables.scores(terminal, answer)
    if refusal is not None:
        raise refusal
