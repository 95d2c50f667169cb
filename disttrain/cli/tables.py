"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from disttrain.cli.terminal import Terminal
from disttrain.messages import display

if TYPE_CHECKING:
    from disttrain.evaluation.result import Evaluation
    from disttrain.selection.family_docs import FamilyRow

_BARS = " ▁▂▃▄▅▆▇█"
# Of metrics: those shown in per cent, those whose gain is no share of the baseline, and which way is better where it is not plainly lower.
_PER_CENT = ("coverage", "accuracy")
_PLAIN_GAINS = ("nll", "deviance", "accuracy", "concordance", "pit")
_BETTER = {
    "accuracy": "higher is better",
    "concordance": "higher is better",
    "pit": "0 is calibrated",
    "mae": "lower is better, of the median",
    "rmse": "lower is better, of the mean",
}


def clock(seconds: float) -> str:
    """A duration as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def splits(out: Console, metrics: dict[str, Any]) -> None:
    """Print the nll, the baseline and the gain of each split."""
    table = _table("", *metrics)
    for label, key in (("nll", "value"), ("baseline", "baseline"), ("gain", "gain")):
        table.add_row(
            label, *(_number(split_scores["metrics"]["nll"][key]) for split_scores in metrics.values() if "nll" in split_scores["metrics"])
        )
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


def scores(terminal: Terminal, answer: Evaluation) -> None:
    """Print the scores of an evaluation, as one line for one plain metric, else as tables; and the calibration of the forecasts."""
    document = answer.document
    about = document["split"] or document["data"]
    terminal.show(
        f"run {document['run']}{' (newest)' if answer.newest else ''} · {about} · {document['rows']:,} row{'s' if document['rows'] != 1 else ''}"
    )
    terminal.note(answer.remarks, answer.notes)
    rows = list(_rows(document["metrics"]))
    if len(rows) == 1 and "by" not in document:
        name, label, entry = rows[0]
        terminal.show(f"  {label}  {_formatted(name, entry['value'])} ± {_error(name, entry['se'], entry['value'])}{_against(name, entry)}")
        return
    terminal.out.print(_score_table(rows))
    for column, groups in document.get("by", {}).items():
        terminal.show()
        terminal.out.print(_group_table(column, groups))
    if answer.residuals is not None and answer.histogram is not None:
        moments = " · ".join(f"{name} {_moment(value)}" for name, value in answer.residuals._asdict().items())
        terminal.show(f"\n  quantile residuals   {moments}")
        top = max(answer.histogram) or 1.0
        bars = "".join(_BARS[round(8 * count / top)] for count in answer.histogram)
        terminal.show(f"  PIT  {bars}      flat = calibrated")


def _moment(value: float) -> str:
    return f"{value:.2f}" if isfinite(value) else "-"


def _rows(metrics: dict[str, Any]) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for name, entry in metrics.items():
        if "levels" not in entry:
            yield name, name, entry
            continue
        for level, part in entry["levels"].items():
            yield name, f"{name} {100 * float(level):g} %", {**part, "nominal": float(level)}


def _score_table(rows: Iterable[tuple[str, str, dict[str, Any]]]) -> Table:
    table = _table("metric", "value", "± se", "baseline", "gain", "")
    table.columns[-1].justify = "left"
    for name, label, entry in rows:
        gain = "" if name == "coverage" else _gain(name, entry)
        better = f"nominal {100 * entry['nominal']:g} %" if name == "coverage" else _BETTER.get(name, "lower is better")
        error = _error(name, entry["se"], entry["value"])
        table.add_row(label, _formatted(name, entry["value"]), error, _formatted(name, entry["baseline"]), gain, Text(better, "dim"))
    return table


def _group_table(column: str, groups: dict[str, Any]) -> Table:
    """One line per group, with the value of each metric and the gain in nll."""
    labels = [(name, label) for group_scores in groups.values() for name, label, _ in _rows(group_scores["metrics"])]
    named = list(dict.fromkeys(labels))
    gains = ["gain"] if ("nll", "nll") in named else []
    table = _table(column, "rows", *(label for _, label in named), *(f"nll {gain}" for gain in gains))
    for group, group_scores in groups.items():
        values = [_formatted(name, entry["value"]) for name, _, entry in _rows(group_scores["metrics"])]
        table.add_row(
            Text(display(group)),
            f"{group_scores['rows']:,}",
            *values,
            *(_formatted("nll", group_scores["metrics"]["nll"][gain]) for gain in gains),
        )
    return table


def _against(name: str, entry: dict[str, Any]) -> str:
    if entry["baseline"] is None:
        return ""
    nats = " nats per row" if name == "nll" else ""
    gain = f"{_formatted(name, entry['gain'])} ± {_error(name, entry['gain_se'], entry['gain'])}{nats}"
    return f"     baseline {_formatted(name, entry['baseline'])}     gain {gain}"


def _gain(name: str, entry: dict[str, Any]) -> str:
    """The gain: in nats for log scores, as a share of the baseline for the others."""
    if entry["gain"] is None:
        return ""
    if name in _PLAIN_GAINS or not entry["baseline"]:
        return _formatted(name, entry["gain"])
    return f"{100 * entry['gain'] / entry['baseline']:+.1f} %"


def _formatted(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if name in _PER_CENT else _number(value)


def _error(name: str, error: float | None, value: float | None) -> str:
    """A standard error with as many digits as its value."""
    if error is None or value is None or name in _PER_CENT or abs(value) < 100 or error < 0.1:
        return _formatted(name, error)
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
