"""A fit as people and programs follow it: a live line on a terminal, plain lines otherwise, JSON lines on request."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import typer

from disttrain.cli import streams, tables
from disttrain.cli.stop_signals import Interruption, asked_to_stop
from disttrain.cli.terminal import Terminal
from disttrain.errors import STOPPED

if TYPE_CHECKING:
    from rich.progress import Progress

    from disttrain.workflows.fit import Epoch, Finished, Started

__all__ = ["follow", "reading"]


@contextmanager
def reading(talk: Terminal) -> Iterator[Callable[[], None]]:
    """Show on a terminal that something is done before the first line of a fit; calling what is yielded takes the line away."""
    if not _is_live(talk):
        yield lambda: None
        return
    with talk.err.status("reading the data") as status:
        yield status.stop


def follow(talk: Terminal, events: Callable[..., Generator[Any]], begun: Callable[[], None]) -> None:
    """Run a fit, show what happens, and leave with the exit code of how it ended; `begun` is called before the first line."""
    with streams.to_the_end(), asked_to_stop(talk.quiet or talk.json) as stop, _bar(talk) as bar:
        running = events(stop=stop, interruptible=stop.at_once)
        try:
            code = _shown(talk, _announced(running, begun), stop, bar)
        except KeyboardInterrupt as fault:
            # Where it came while an event was shown, the run has not heard of it.
            with suppress(KeyboardInterrupt):
                running.throw(fault)
            raise
    raise typer.Exit(code)


def _announced(events: Iterator[Any], begun: Callable[[], None]) -> Iterator[Any]:
    """The events; `begun` is called when the first has come."""
    for event in events:
        begun()
        yield event


def _shown(talk: Terminal, events: Iterator[Any], stop: Interruption, bar: Progress | None) -> int:
    from disttrain.workflows.fit import Epoch, Finished, Started

    started: Started | None = None
    code = 0
    for event in events:
        if isinstance(event, Started):
            started = event
            stop.begin()
            _begin(talk, event)
        elif isinstance(event, Epoch) and started is not None:
            _epoch(talk, bar, started, event)
        elif isinstance(event, Finished):
            code = 0 if event.stopped_by is None else STOPPED[event.stopped_by]
            if bar is not None:
                bar.stop()
            _end(talk, event)
    return code


@contextmanager
def _bar(talk: Terminal) -> Iterator[Progress | None]:
    """The live line, where stderr is a terminal and nobody asked for quiet."""
    if not _is_live(talk):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("fit"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[losses]}"), TimeElapsedColumn(),
               TextColumn("eta"), TimeRemainingColumn())  # fmt: skip
    # It is begun with the first epoch: a terminal has room for one live line at a time.
    progress = Progress(*columns, console=talk.err, transient=True)
    try:
        yield progress
    finally:
        progress.stop()


def _is_live(talk: Terminal) -> bool:
    return talk.err.is_terminal and not (talk.quiet or talk.json or talk.no_progress)


def _begin(talk: Terminal, event: Started) -> None:
    if talk.json:
        talk.document({"event": "start", **asdict(event)})
        return
    threads = f"{event.threads} thread{'s' if event.threads != 1 else ''}"
    talk.say(f"{event.run} · {event.distribution} · {event.device}, {threads} · seed {event.seed}")
    rows = " · ".join(f"{name} {count:,}" for name, count in event.rows.items() if count)
    inputs = f"{event.inputs:,} input{'s' if event.inputs != 1 else ''}"
    own = f", each of which holds out {event.own:,} rows of its own" if event.own else ""
    members = f"{event.members} members{own} · " if event.members > 1 else ""
    talk.say(f"  {rows} rows · {inputs} · {members}{event.weights:,} weights")
    talk.say(f"  baseline (no features): {event.watched} nll {event.baseline:.4f}")
    talk.note(event.remarks, event.warnings)
    if event.resumed:
        talk.say(f"  going on after epoch {event.resumed}")
    talk.say()


def _epoch(talk: Terminal, bar: Progress | None, started: Started, event: Epoch) -> None:
    if talk.json:
        values = {key: value for key, value in asdict(event).items() if not (isinstance(value, float) and isnan(value))}
        values["epoch"] = values.pop("number")
        talk.document({"event": "epoch", **values})
        return
    loss = event.validation_nll if isfinite(event.validation_nll) else event.train_nll
    if bar is not None:
        if not bar.tasks:
            bar.start()
            bar.console.print("  epoch   train nll     val nll        gain         lr    time", highlight=False)
            bar.add_task("fit", total=started.epochs, losses="")
        bar.update(bar.tasks[0].id, completed=event.number, losses=f"val {loss:.4f}  best {event.best:.4f}@{event.best_epoch}")
    every = 1 if talk.verbose else max(1, round(started.epochs / 30))
    if event.number != 1 and event.number % every:
        return
    if bar is not None:
        gain = started.baseline - loss
        numbers = f"{event.train_nll:>10.4f}  {_nll(event.validation_nll):>10}  {gain:>10.4f}  {event.learning_rate:>9.1e}"
        bar.console.print(f"  {event.number:>5}  {numbers}  {tables.clock(event.seconds):>6}", highlight=False)
        return
    talk.say(
        f"epoch={event.number} train_nll={event.train_nll:.4f} val_nll={_nll(event.validation_nll)} best={event.best:.4f} "
        f"lr={event.learning_rate:.1e} s={event.seconds:.1f}"
    )


def _nll(nll: float) -> str:
    """A loss, or a dash where there are no rows to have one of."""
    return "-" if isnan(nll) else f"{nll:.4f}"


def _end(talk: Terminal, event: Finished) -> None:
    if talk.json:
        talk.document({"event": "result", **asdict(event), "folder": str(event.folder)})
        return
    mark = "✓" if event.status == "finished" else "!"
    talk.say()
    talk.say(f"{mark} {event.reason} (best: {event.best_epoch})   {tables.clock(event.seconds)}")
    talk.note(warnings=event.warnings)
    if talk.quiet:
        return
    if event.metrics:
        talk.show()
        tables.splits(talk.out, event.metrics)
    talk.show()
    written = f"  predictions.parquet ({event.predictions:,} rows)" if event.predictions else ""
    talk.show(f"  {event.folder}/   model/{written}")
    again = " · the same command with --resume goes on" if event.resumable else ""
    talk.say(f"Next: disttrain evaluate · disttrain predict --data NEW.parquet{again}")
