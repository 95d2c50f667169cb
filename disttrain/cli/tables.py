"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from disttrain.cli.terminal import Terminal
from disttrain.messages import display

if TYPE_CHECKING:
    from disttrain.evaluation.result import Evaluation, Score, Scores
    from disttrain.metrics import Metric
    from disttrain.selection.family_docs import FamilyRow

_BARS = " ▁▂▃▄▅▆▇█"
# Shares of rows, shown in per cent.
_PER_CENT = ("coverage", "accuracy")
# What the direction of a metric leaves open.
_BETTER = {"pit": "0 is calibrated", "mae": "lower is better, of the median", "rmse": "lower is better, of the mean"}


def clock(seconds: float) -> str:
    """A duration as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def splits(out: Console, evaluations: Mapping[str, Evaluation]) -> None:
    """Print the nll, the baseline and the gain of each split."""
    table = _table("", *evaluations)
    scores = [scores.metrics["nll"] for evaluation in evaluations.values() if "nll" in (scores := evaluation.scores.total).metrics]
    table.add_row("nll", *(_number(nll.value) for nll in scores))
    table.add_row("baseline", *(_number(nll.baseline) for nll in scores))
    table.add_row("gain", *(_number(nll.gain) for nll in scores))
    out.print(table)
    out.print("  gain in nats per row", highlight=False)


def families(out: Console, rows: Iterable[FamilyRow]) -> None:
    """Print the list of families."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("family", "target", "parameters", "activations"):
        table.add_column(name, no_wrap=name in ("family", "target"), overflow="fold")
    for row in rows:
        table.add_row(row["family"], row["support"], ", ".join(row["parameters"]), ", ".join(row["activations"]))
    out.print(table)


def scores(terminal: Terminal, evaluation: Evaluation) -> None:
    """Print the scores of an evaluation, as one line for one plain metric, else as tables; and the calibration of the forecasts."""
    scores, about = evaluation.scores, evaluation.split or evaluation.data
    newest, rows = " (newest)" if evaluation.newest else "", scores.total.rows
    terminal.show(f"run {evaluation.run}{newest} · {about} · {rows:,} row{'s' if rows != 1 else ''}")
    terminal.note(evaluation.remarks, scores.notes)
    lines = list(_lines(scores.total))
    if len(lines) == 1 and not scores.groups:
        label, score = lines[0]
        terminal.show(f"  {label}  {_formatted(score.metric, score.value)} ± {_error(score)}{_against(score)}")
        return
    terminal.out.print(_score_table(lines))
    for column, groups in scores.groups.items():
        terminal.show()
        terminal.out.print(_group_table(column, groups))
    if scores.calibration is not None:
        moments = " · ".join(f"{name} {_moment(value)}" for name, value in scores.calibration.residuals._asdict().items())
        terminal.show(f"\n  quantile residuals   {moments}")
        histogram = scores.calibration.histogram
        top = max(histogram) or 1.0
        bars = "".join(_BARS[round(8 * count / top)] for count in histogram)
        terminal.show(f"  PIT  {bars}      flat = calibrated")


def _moment(value: float) -> str:
    return f"{value:.2f}" if isfinite(value) else "-"


def _lines(scores: Scores) -> Iterable[tuple[str, Score]]:
    """The label and the score of each line of a table: one for each metric, or for each of its levels."""
    for name, score in scores.metrics.items():
        yield from ((f"{name} {100 * float(text):g} %", part) for text, part in score.levels.items())
        if not score.levels:
            yield name, score


def _score_table(lines: Iterable[tuple[str, Score]]) -> Table:
    table = _table("metric", "value", "± se", "baseline", "gain", "")
    table.columns[-1].justify = "left"
    for label, score in lines:
        metric = score.metric
        numbers = (_formatted(metric, score.value), _error(score), _formatted(metric, score.baseline))
        table.add_row(label, *numbers, _gain(score), Text(better(score), "dim"))
    return table


def better(score: Score) -> str:
    """The better direction of a score, as text."""
    if score.metric.better == "nominal" and score.level is not None:
        return f"nominal {100 * float(f'{score.level:g}'):g} %"
    return _BETTER.get(score.metric.name, f"{score.metric.better} is better")


def _group_table(column: str, groups: Mapping[str, Scores]) -> Table:
    """One line per group, with the value of each metric and the gain in nll."""
    labels = list(dict.fromkeys(label for scores in groups.values() for label, _ in _lines(scores)))
    gains = ["nll gain"] if "nll" in labels else []
    table = _table(column, "rows", *labels, *gains)
    for group, scores in groups.items():
        values = [_formatted(score.metric, score.value) for _, score in _lines(scores)]
        table.add_row(Text(display(group)), f"{scores.rows:,}", *values, *(_number(scores.metrics["nll"].gain) for _ in gains))
    return table


def _against(score: Score) -> str:
    if score.baseline is None:
        return ""
    nats, metric = " nats per row" if score.metric.name == "nll" else "", score.metric
    gain = f"{_formatted(metric, score.gain)} ± {_digits(metric, score.gain_error, score.gain)}{nats}"
    return f"     baseline {_formatted(metric, score.baseline)}     gain {gain}"


def _gain(score: Score) -> str:
    """The gain: in nats for log scores, in its own unit where a share of the baseline says nothing, as that share for the others."""
    metric = score.metric
    if score.gain is None or metric.better == "nominal":
        return ""
    if metric.unit == "nats" or metric.better == "higher" or metric.name == "pit" or not score.baseline:
        return _formatted(metric, score.gain)
    return f"{100 * score.gain / score.baseline:+.1f} %"


def _formatted(metric: Metric, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if metric.name in _PER_CENT else _number(value)


def _error(score: Score) -> str:
    return _digits(score.metric, score.standard_error, score.value)


def _digits(metric: Metric, error: float | None, value: float | None) -> str:
    """A standard error with as many digits as its value."""
    if error is None or value is None or metric.name in _PER_CENT or abs(value) < 100 or error < 0.1:
        return _formatted(metric, error)
    return f"{error:,.1f}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    # Adding 0 takes the sign of a zero away.
    return f"{round(value, 4) + 0.0:.4f}" if abs(value) < 100 else f"{value:,.1f}"


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for number, name in enumerate(columns):
        # As text: a name in brackets is no markup.
        table.add_column(Text(display(name)), justify="left" if number == 0 else "right", no_wrap=True)
    return table
