"""A ranking of families as a table or a JSON document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from disttrain.cli.terminal import Terminal
from disttrain.messages import display

if TYPE_CHECKING:
    from disttrain.selection.ranking import Column, Ranked, Ranking

_SHORT = {
    "linear": "lin", "softplus": "sp", "softplus_above_1": "1+sp", "softplus_above_2": "2+sp", "sigmoid": "sig", "softmax": "smax",
    "sigmoid_1_to_2": "1+sig", "half_tanh": "½tanh", "ordered": "cum", "cholesky": "chol", "angle": "dir2", "angle_degrees": "dir2",
}  # fmt: skip
TITLES = {
    "probabilities": "Probabilities of counts and classes",
    "densities": "Densities",
    "mixed": "A probability for some values, a density for the others",
}
APART = "Compare within a block only: a density is per unit of the target and changes with that unit, a probability is not and does not."


def show(terminal: Terminal, source: str, ranking: Ranking, top: int | None) -> None:
    """Print the families of a ranking, at most `top` of each block."""
    if terminal.json:
        terminal.document({"data": source, **ranking.document(top)})
        return
    terminal.show(_header(ranking.column))
    terminal.show(f"  {_effort(ranking.column)}")
    blocks = {name: rows for name in TITLES if (rows := ranking.block(name))}
    for name, rows in blocks.items():
        terminal.show()
        if len(blocks) > 1 or name == "mixed":
            terminal.show(f"  {TITLES[name]}")
        terminal.out.print(_table(rows[:top]))
        if top is not None and len(rows) > top:
            terminal.show(f"  and {len(rows) - top} more")
    terminal.show()
    if len(blocks) > 1:
        terminal.show(APART)
    for name, reason in ranking.failed.items():
        terminal.show(f"{name} could not be fitted: {reason}")
    terminal.show("The marginal fit (no features) ranks shapes only; features can change the order.")
    terminal.note(warnings=ranking.notes)
    # What a density earns on repeated values is no reason to choose it.
    trusted = [rows for name, rows in blocks.items() if not (name == "densities" and ranking.notes)]
    best = next(iter(trusted or blocks.values()), ())
    if best:
        train = "FILE" if source == "-" else Path(source).as_posix()
        terminal.say(
            f"Next: in a config, `distribution: {best[0].spelling}` with `data: {{train: {train}, target: {ranking.column.name}, ...}}`"
        )


def _header(column: Column) -> str:
    statistics = (
        f"{_formatted(column.lowest)} .. {_formatted(column.highest)}, mean {_formatted(column.mean)}, skewness {column.skewness:.1f}"
    )
    return f"{display(column.name)}: {column.rows:,} rows, {statistics}"


def _effort(column: Column) -> str:
    """The number of rows, or of groups of rows, behind the fits."""
    return "fitted on all rows" if column.groups == column.distinct else f"fitted on all rows, in {column.groups:,} groups of neighbours"


def _formatted(value: float) -> str:
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
