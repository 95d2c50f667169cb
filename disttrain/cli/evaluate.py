"""`disttrain evaluate`: score predictions against what happened."""

from __future__ import annotations

from typing import Annotated

import typer

from disttrain.cli.options import RUNS, RunArgument
from disttrain.cli.talk import Talk
from disttrain.errors import AnswerIsNo

__all__ = ["evaluate"]


def evaluate(
    talk: Talk,
    run: RunArgument = None,
    data: Annotated[str | None, typer.Option("--data", help="File, glob or folder with the target. Default: the run's test rows.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="train, validation or test, of the run's own rows.")] = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", "-m", help="nll, crps, pit, coverage, ...; repeatable.")] = None,
    level: Annotated[list[float] | None, typer.Option("--level", help="Level of central intervals; repeatable.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Score each value of this column by itself.")] = None,
    rows_out: Annotated[str | None, typer.Option("--rows-out", help="Write every row's target and scores to this file.")] = None,
    baseline: Annotated[str, typer.Option("--baseline", help="What to compare with: marginal, or another run.")] = "marginal",
    require: Annotated[
        list[str] | None, typer.Option("--require", help="Such as 'nll<6.2'; exit 1 where it is not met; repeatable.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --rows-out.")] = False,
) -> None:
    """Score predictions on a data set."""
    from disttrain.workflows.requests import Question

    question = Question(run, data, split, tuple(metric or ()), tuple(level or ()), by, rows_out, baseline, tuple(require or ()), overwrite)
    from disttrain.cli import tables
    from disttrain.workflows.evaluate import evaluate as workflow
    from disttrain.workflows.evaluate import require_met

    answer = workflow(question, RUNS)
    refusal = None
    try:
        require_met(answer, question.require)
    except AnswerIsNo as fault:
        refusal = fault
    if talk.json:
        talk.document(answer.document)
    else:
        tables.scores(talk, answer)
    if refusal is not None:
        raise refusal
