"""The screens of a selection: its start, the tables of families and parameters, and the config that it ends in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from disttrain.cli.ranking_table import APART, TITLES
from disttrain.cli.terminal import Terminal
from disttrain.config import dump_document
from disttrain.messages import display

if TYPE_CHECKING:
    from disttrain.selection.comparison import Estimate
    from disttrain.workflows.select import Begun
    from disttrain.workflows.select_results import FamilyRow, ParameterRow, Selection

# So many names of one reason are listed.
_NAMES = 6


def begun(terminal: Terminal, event: Begun) -> None:
    """Print the folder, the rows and the folds of a selection, and the families that it leaves out."""
    workers = f"{event.workers} trial{'s' if event.workers > 1 else ''} at a time"
    terminal.say(f"{event.folder.name} · {display(event.target)} · {event.rows:,} rows · {event.folds} folds, {event.method} · {workers}")
    suited = event.candidates
    if suited is not None:
        terminal.say(
            f"  {len(suited.fitted)} famil{'y' if len(suited.fitted) == 1 else 'ies'} to fit; {len(suited.unsuited)} cannot produce the target"
        )
        if suited.hopeless:
            worst = min(suited.hopeless.values())
            terminal.say(f"  dropped, {worst:.1f} nats per row or more behind the best without features: {_names(suited.hopeless)}")
        for reason, names in _by_reason(suited.left_out).items():
            terminal.say(f"  left out, {reason}: {_names(dict.fromkeys(names))}")
        for name, reason in suited.failed.items():
            terminal.say(f"  ! {name} {reason}")
    terminal.note(event.remarks, event.warnings)


def selection(terminal: Terminal, result: Selection) -> None:
    """Print the result of a selection."""
    if terminal.json:
        terminal.document(result.document)
        return
    blocks = {name: rows for name in TITLES if (rows := result.block(name))}
    for name, rows in blocks.items():
        terminal.show()
        terminal.show(f"{TITLES[name]}: {len(rows)} famil{'y' if len(rows) == 1 else 'ies'} on {rows[0].rows:,} held-out rows")
        terminal.out.print(_family_table(rows))
    if blocks:
        terminal.show("✓ the best, or at most one standard error behind it")
    if len(blocks) > 1:
        terminal.show(APART)
    for name, reason in result.failed.items():
        terminal.show(f"! {name} failed, {reason}")
    if result.parameters:
        terminal.show()
        terminal.show(f"Parameters of {result.family} that vary with the features, on held-out rows")
        terminal.out.print(_parameter_table(result.parameters))
        terminal.show("✓ the simplest that is at most one standard error behind the best")
    terminal.show()
    terminal.show(f"Config, in {result.path} with paths that are valid there:")
    for line in dump_document(result.config).rstrip().splitlines():
        terminal.show(f"  {line}")
    terminal.say(f"Next: disttrain fit {result.path} · disttrain evaluate {result.folder}/TRIAL")


def _family_table(rows: tuple[FamilyRow, ...]) -> Table:
    calibrated = rows[0].scores.calibration is not None
    table = _table("", "family", "nll/row", "behind ± se", *(("pit", "in 90 %") if calibrated else ()))
    if calibrated:
        table.add_column("verdict", no_wrap=True)
    for index, row in enumerate(rows):
        scores, calibration = row.scores, row.scores.calibration
        behind = "best" if index == 0 else _estimate(scores.behind)
        cells = [_number(scores.nll.value), behind]
        if calibration is not None:
            cells += [f"{calibration.pit_error:.3f}", f"{100 * calibration.coverage.value:.1f} %", calibration.verdict]
        table.add_row("✓" if scores.tied else "", Text(row.name), *cells)
    return table


def _parameter_table(rows: tuple[ParameterRow, ...]) -> Table:
    table = _table("", "model", "parameters added", "nll/row", "gain ± se")
    table.columns[2].justify = "left"
    table.columns[2].overflow = "fold"
    table.columns[2].no_wrap = False
    table.add_column("", no_wrap=True)
    for row in rows:
        label, added = ("none", "") if row.step is None else (row.step.label, ", ".join(row.step.added))
        gain = "" if row.gain is None else _estimate(row.gain)
        table.add_row("✓" if row.chosen else "", label, Text(added), _number(row.nll.value), gain, _word(row.gain))
    return table


def _word(gain: Estimate | None) -> str:
    """The verdict on a gain by its standard error."""
    if gain is None:
        return ""
    return "gains" if gain.value > gain.error else "loses" if gain.value < -gain.error else "no gain"


def _estimate(estimate: Estimate) -> str:
    return f"{_number(estimate.value)} ± {_number(estimate.error)}"


def _number(value: float) -> str:
    """A number with four decimals, or three digits of a large one; adding 0 takes the sign of a zero away."""
    return f"{round(value, 4) + 0.0:.4f}" if abs(value) < 100 else f"{value:,.1f}" if abs(value) < 10_000 else f"{value:.3g}"


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of each reason, in which the name of the family is left out."""
    result: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        text = reason.replace(f"`{name}`", "it").replace(f" {name} ", " it ")
        result.setdefault(text, []).append(name)
    return result


def _names(names: Mapping[str, object]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _NAMES} more" if len(listed) > _NAMES else ""
    return f"{', '.join(listed[:_NAMES])}{more}"


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        # A long name is folded where the numbers would not fit beside it.
        table.add_column(name, justify="left" if number < 2 else "right", no_wrap=number != 1, overflow="fold")
    return table
