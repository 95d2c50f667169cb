"""The progress of a fit: a live line on a terminal, plain lines otherwise, JSON lines on request."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from math import isfinite, isnan
from typing import TYPE_CHECKING

import typer

from disttrain.cli import streams, tables
from disttrain.cli.stop_signals import Interruption, stop_on_request
from disttrain.cli.terminal import Terminal
from disttrain.errors import STOPPED

if TYPE_CHECKING:
    from rich.progress import Progress

    from disttrain.workflows.fit import Epoch, Finished, Started

    Event = Started | Epoch | Finished


@contextmanager
def reading(terminal: Terminal) -> Iterator[Callable[[], None]]:
    """Show a status line on a terminal until the first event of a fit. Yields the function that clears the line."""
    if not is_live(terminal):
        yield lambda: None
        return
    with terminal.err.status("reading the data") as status:
        yield status.stop


def follow(terminal: Terminal, events: Callable[..., Generator[Event]], on_first_event: Callable[[], None]) -> None:
    """Run a fit, show its events and raise typer.Exit with its exit code. Calls `on_first_event` before the first line."""
    with streams.to_the_end(), stop_on_request(terminal.quiet or terminal.json) as stop, _bar(terminal) as bar:
        running = events(stop=stop, interruptible=stop.at_once)
        try:
            code = _report_events(terminal, _with_callback(running, on_first_event), stop, bar)
        except KeyboardInterrupt as fault:
            # Where it came while an event was shown, the run has not heard of it.
            with suppress(KeyboardInterrupt):
                running.throw(fault)
            raise
    raise typer.Exit(code)


def _with_callback(events: Iterator[Event], on_first_event: Callable[[], None]) -> Iterator[Event]:
    """Yield the events; call `on_first_event` once the first arrives."""
    for event in events:
        on_first_event()
        yield event


def _report_events(terminal: Terminal, events: Iterator[Event], stop: Interruption, bar: Progress | None) -> int:
    from disttrain.workflows.fit import Epoch, Finished, Started

    started: Started | None = None
    code = 0
    for event in events:
        if isinstance(event, Started):
            started = event
            stop.start()
            _report_start(terminal, event)
        elif isinstance(event, Epoch) and started is not None:
            _epoch(terminal, bar, started, event)
        elif isinstance(event, Finished):
            code = 0 if event.stopped_by is None else STOPPED[event.stopped_by]
            if bar is not None:
                bar.stop()
            _report_end(terminal, event)
    return code


@contextmanager
def _bar(terminal: Terminal) -> Iterator[Progress | None]:
    """The live line, or None if stderr is not a terminal or an option turns the line off."""
    if not is_live(terminal):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("fit"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[losses]}"), TimeElapsedColumn(),
               TextColumn("eta"), TimeRemainingColumn())  # fmt: skip
    # It starts with the first epoch: a terminal has room for one live line at a time.
    progress = Progress(*columns, console=terminal.err, transient=True)
    try:
        yield progress
    finally:
        progress.stop()


def is_live(terminal: Terminal) -> bool:
    """True if standard error is a terminal and no option turns the live display off."""
    return terminal.err.is_terminal and not (terminal.quiet or terminal.json or terminal.no_progress)


def _report_start(terminal: Terminal, event: Started) -> None:
    if terminal.json:
        terminal.document({"event": "start", **asdict(event)})
        return
    threads = f"{event.threads} thread{'s' if event.threads != 1 else ''}"
    terminal.say(f"{event.run} · {event.distribution} · {event.device}, {threads} · seed {event.seed}")
    rows = " · ".join(f"{name} {count:,}" for name, count in event.rows.items() if count)
    inputs = f"{event.inputs:,} input{'s' if event.inputs != 1 else ''}"
    holdout = f", each of which holds out {event.own} rows of its own" if event.own else ""
    members = f"{event.members} members{holdout} · " if event.members > 1 else ""
    terminal.say(f"  {rows} rows · {inputs} · {members}{event.weights:,} weights")
    terminal.say(f"  baseline (no features): {event.watched} nll {event.baseline:.4f}")
    terminal.note(event.remarks, event.warnings)
    if event.resumed:
        terminal.say(f"  going on after epoch {event.resumed}")
    terminal.say()


def _epoch(terminal: Terminal, bar: Progress | None, started: Started, event: Epoch) -> None:
    if terminal.json:
        values = {key: value for key, value in asdict(event).items() if not (isinstance(value, float) and isnan(value))}
        values["epoch"] = values.pop("number")
        terminal.document({"event": "epoch", **values})
        return
    loss = event.validation_nll if isfinite(event.validation_nll) else event.train_nll
    if bar is not None:
        if not bar.tasks:
            bar.start()
            bar.console.print("  epoch   train nll     val nll        gain         lr    time", highlight=False)
            bar.add_task("fit", total=started.epochs, losses="")
        bar.update(bar.tasks[0].id, completed=event.number, losses=f"val {loss:.4f}  best {event.best:.4f}@{event.best_epoch}")
    every = 1 if terminal.verbose else max(1, round(started.epochs / 30))
    if event.number != 1 and event.number % every:
        return
    if bar is not None:
        gain = started.baseline - loss
        numbers = f"{event.train_nll:>10.4f}  {_nll(event.validation_nll):>10}  {gain:>10.4f}  {event.learning_rate:>9.1e}"
        bar.console.print(f"  {event.number:>5}  {numbers}  {tables.clock(event.seconds):>6}", highlight=False)
        return
    terminal.say(
        f"epoch={event.number} train_nll={event.train_nll:.4f} val_nll={_nll(event.validation_nll)} best={event.best:.4f} "
        f"lr={event.learning_rate:.1e} s={event.seconds:.1f}"
    )


def _nll(nll: float) -> str:
    """A loss as text, or a dash if it is NaN because no rows have one."""
    return "-" if isnan(nll) else f"{nll:.4f}"


def _report_end(terminal: Terminal, event: Finished) -> None:
    if terminal.json:
        terminal.document({"event": "result", **event.document})
        return
    mark = "✓" if event.status == "finished" else "!"
    terminal.say()
    terminal.say(f"{mark} {event.reason} (best: {event.best_epoch})   {tables.clock(event.seconds)}")
    if event.marginal_share:
        terminal.say(f"  the forecast holds {100 * event.marginal_share:.3g} % of the constant model (`forecast.marginal_share`)")
    terminal.note(warnings=event.warnings)
    if terminal.quiet:
        return
    if event.evaluations:
        terminal.show()
        tables.splits(terminal.out, event.evaluations)
    terminal.show()
    written = f"  predictions.parquet ({event.predictions:,} rows)" if event.predictions else ""
    terminal.show(f"  {event.folder}/   model/{written}")
    again = " · the same command with --resume goes on" if event.resumable else ""
    terminal.say(f"Next: disttrain evaluate · disttrain predict --data NEW.parquet{again}")
