"""The progress of a selection: a live line on a terminal, plain lines otherwise, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import typer

from disttrain.cli import selection_tables, streams, tables
from disttrain.cli.progress import is_live
from disttrain.cli.stop_signals import Interruption, stop_on_request
from disttrain.cli.terminal import Terminal
from disttrain.errors import STOPPED
from disttrain.messages import shortened

if TYPE_CHECKING:
    from rich.progress import Progress

    from disttrain.workflows.select import Event, Interrupted, StageBegun, TrialEnded


def follow(terminal: Terminal, events: Callable[..., Generator[Event]], on_first_event: Callable[[], None]) -> None:
    """Run a selection, show its events and raise typer.Exit with its exit code. Calls `on_first_event` before the first line."""
    with streams.to_the_end(), stop_on_request(terminal.quiet or terminal.json) as stop, _bar(terminal) as bar:
        running = events(stop=stop)
        try:
            code = _shown(terminal, running, on_first_event, stop, bar)
        except KeyboardInterrupt as fault:
            with suppress(KeyboardInterrupt):
                running.throw(fault)
            raise
    raise typer.Exit(code)


def _shown(
    terminal: Terminal, events: Iterator[Event], on_first_event: Callable[[], None], stop: Interruption, bar: Progress | None
) -> int:
    from disttrain.workflows.select import Begun, Interrupted, Selection, StageBegun, TrialEnded

    code, done_before, began = 0, 0, time.monotonic()
    for event in events:
        on_first_event()
        if isinstance(event, Begun):
            stop.start()
            selection_tables.begun(terminal, event)
        elif isinstance(event, StageBegun):
            done_before, began = event.done, time.monotonic()
            _stage(terminal, bar, event)
        elif isinstance(event, TrialEnded):
            _trial(terminal, bar, event, done_before, time.monotonic() - began)
        elif isinstance(event, Interrupted):
            code = STOPPED[event.word]
            _stop(bar)
            _interrupted(terminal, event)
        elif isinstance(event, Selection):
            _stop(bar)
            selection_tables.selection(terminal, event)
    return code


@contextmanager
def _bar(terminal: Terminal) -> Iterator[Progress | None]:
    """The live line, or None if stderr is not a terminal or an option turns the line off."""
    if not is_live(terminal):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[last]}"), TimeElapsedColumn(),
               TextColumn("eta"), TimeRemainingColumn())  # fmt: skip
    progress = Progress(*columns, console=terminal.err, transient=True, speed_estimate_period=600)
    try:
        yield progress
    finally:
        progress.stop()


def _interrupted(terminal: Terminal, event: Interrupted) -> None:
    if terminal.json:
        document = {"folder": str(event.folder), "stopped_by": event.word, "done": event.done, "trials": event.trials}
        terminal.document(document)
        return
    trials = f"{event.done} of {event.trials} trials are done in {event.folder}"
    terminal.say(f"{event.word}: {trials}; the same command with --resume goes on")


def _stop(bar: Progress | None) -> None:
    if bar is not None:
        bar.stop()


def _stage(terminal: Terminal, bar: Progress | None, event: StageBegun) -> None:
    if bar is None:
        before = f", {event.done} of them done before" if event.done else ""
        terminal.say(f"{event.stage}: {event.trials} trials{before}")
        return
    for task in bar.task_ids:
        bar.remove_task(task)
    bar.start()
    bar.add_task(event.stage, total=event.trials, completed=event.done, last="")


def _trial(terminal: Terminal, bar: Progress | None, event: TrialEnded, done_before: int, seconds: float) -> None:
    result = f"failed: {event.reason}" if event.nll is None else f"nll {event.nll:.4f}"
    if bar is not None:
        bar.update(bar.tasks[0].id, completed=event.done, last=shortened(f"{event.candidate} {event.fold}", 26))
        if event.nll is None:
            terminal.say(f"  ! {event.candidate}, fold {event.fold} {result}")
        return
    left = seconds / max(event.done - done_before, 1) * (event.trials - event.done)
    terminal.say(
        f"{event.done}/{event.trials} {event.candidate} fold {event.fold}: {result}   {tables.clock(seconds)} eta {tables.clock(left)}"
    )
