"""A ranking of families as people and programs read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from disttrain.cli.terminal import Terminal
from disttrain.messages import display

if TYPE_CHECKING:
    from disttrain.selection.ranking import Column, Ranked, Ranking

__all__ = ["show"]

_SHORT = {
    "linear": "lin", "softplus": "sp", "softplus_above_1": "1+sp", "softplus_above_2": "2+sp", "sigmoid": "sig", "softmax": "smax",
    "sigmoid_1_to_2": "1+sig", "half_tanh": "½tanh", "ordered": "cum", "cholesky": "chol", "angle": "dir2", "angle_degrees": "dir2",
}  # fmt: skip
_TITLES = {
    "probabilities": "Probabilities of counts and classes",
    "densities": "Densities",
    "mixed": "A probability for some values, a density for the others",
}
_APART = "Compare within a block only: a density is per unit of the target and changes with that unit, a probability is not and does not."


def show(talk: Terminal, source: str, ranking: Ranking, top: int | None) -> None:
    """Print the families of a ranking, at most `top` of each block."""
    if talk.json:
        talk.document({"data": source, **ranking.document(top)})
        return
    talk.show(_header(ranking.column))
    talk.show(f"  {_effort(ranking.column)}")
    blocks = {name: rows for name in _TITLES if (rows := ranking.block(name))}
    for name, rows in blocks.items():
        talk.show()
        if len(blocks) > 1 or name == "mixed":
            talk.show(f"  {_TITLES[name]}")
        talk.out.print(_table(rows[:top]))
        if top is not None and len(rows) > top:
            talk.show(f"  and {len(rows) - top} more")
    talk.show()
    if len(blocks) > 1:
        talk.show(_APART)
    for name, reason in ranking.failed.items():
        talk.show(f"{name} could not be fitted: {reason}")
    talk.show("The marginal fit (no features) ranks shapes only; features can change the order.")
    talk.note(warnings=ranking.notes)
    # What a density earns on repeated values is no reason to choose it.
    trusted = [rows for name, rows in blocks.items() if not (name == "densities" and ranking.notes)]
    best = next(iter(trusted or blocks.values()), ())
    if best:
        train = "FILE" if source == "-" else Path(source).as_posix()
        talk.say(
            f"Next: in a config, `distribution: {best[0].spelling}` with `data: {{train: {train}, target: {ranking.column.name}, ...}}`"
        )


def _header(column: Column) -> str:
    spread = f"{_said(column.lowest)} .. {_said(column.highest)}, mean {_said(column.mean)}, skewness {column.skewness:.1f}"
    return f"{display(column.name)}: {column.rows:,} rows, {spread}"


def _effort(column: Column) -> str:
    """What stands behind the numbers."""
    return "fitted on all rows" if column.groups == column.distinct else f"fitted on all rows, in {column.groups:,} groups of neighbours"


def _said(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _distance(value: float) -> str:
    return "0" if value == 0 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _table(rows: tuple[Ranked, ...]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("family", "parameters", "activations"):
        table.add_column(name, no_wrap=name == "family", overflow="fold")
    for name in ("nll/row", "delta AIC", "delta BIC"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("censoring", no_wrap=True)
    for row in rows:
        numbers = (f"{row.shape.nll:.4f}", _distance(row.delta_aic), _distance(row.delta_bic))
        short = ", ".join(_SHORT.get(name, name) for name in row.activations)
        table.add_row(row.family, ", ".join(row.names), short, *numbers, "yes" if row.censoring else "no")
    return table
