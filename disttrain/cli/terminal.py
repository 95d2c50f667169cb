"""How a command talks: options that every command has, text on stderr, data on stdout, and errors as text and exit codes."""

from __future__ import annotations

import functools
import inspect
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from disttrain.cli import stop_signals, streams
from disttrain.errors import STOPPED, AnswerIsNo, DisttrainError, Finding, ReaderLeft, enough_memory, word_of
from disttrain.messages import escaped, escaped_json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["COMMON", "Color", "Terminal", "Version", "command", "errors_as_text", "report"]

# The options that every command has, behind its name or before it.
COMMON = ("--quiet", "-q", "--verbose", "-v", "--json", "--color", "--no-progress", "--debug")
_PANEL = "Options of every command, behind its name or before it"


class Color(StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"disttrain {version('disttrain')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, metavar="", help="Show the version.")]


@dataclass(frozen=True)
class Terminal:
    """What the options common to all commands say."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=_PANEL, help="Errors only.")] = False
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", rich_help_panel=_PANEL, metavar="", count=True, help="Say more; twice: full tracebacks too.")
    ] = 0
    json: Annotated[bool, typer.Option("--json", rich_help_panel=_PANEL, help="One JSON document on stdout (fit: JSON lines).")] = False
    color: Annotated[
        Color, typer.Option("--color", rich_help_panel=_PANEL, help="When to colour; NO_COLOR and FORCE_COLOR are obeyed.")
    ] = Color.auto
    no_progress: Annotated[bool, typer.Option("--no-progress", rich_help_panel=_PANEL, help="Plain lines instead of a live display.")] = (
        False
    )
    debug: Annotated[bool, typer.Option("--debug", rich_help_panel=_PANEL, help="Show full tracebacks.")] = False

    @property
    def tracebacks(self) -> bool:
        """Whether an error shows where in the program it arose."""
        return self.debug or self.verbose > 1

    @functools.cached_property
    def out(self) -> Console:
        """The console of results."""
        return _console(sys.stdout, self.color)

    @functools.cached_property
    def err(self) -> Console:
        """The console of talk: progress, warnings, errors."""
        return _console(sys.stderr, self.color)

    def say(self, text: str = "") -> None:
        """Tell people something that is not a result, unless they asked for quiet or for JSON."""
        if not (self.quiet or self.json):
            _print(self.err, text)

    def note(self, remarks: Iterable[str] = (), warnings: Iterable[str] = ()) -> None:
        """Tell people how the data are read, behind a point, and what is odd, behind a `!`."""
        for mark, texts in (("·", remarks), ("!", warnings)):
            for text in texts:
                self.say(f"  {mark} {text}")

    def show(self, text: str = "") -> None:
        """Print a line of a result for people."""
        _print(self.out, text)

    def document(self, content: Any) -> None:
        """Print a JSON document."""
        # An encoding that lacks letters would change the document.
        plain = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
        sys.stdout.write(escaped_json(json.dumps(_plain(content), ensure_ascii=not plain, allow_nan=False, default=str)) + "\n")
        sys.stdout.flush()


def _plain(content: Any) -> Any:
    """The content with null in the place of numbers that JSON does not have."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def command(function: Callable[..., None]) -> Callable[..., None]:
    """The command `function(talk, ...)` with the options of Terminal added to its own, and errors turned into text and an exit code.

    typer reads a command's options from its signature, so the common ones are added there instead of being written out in every command.
    """
    own = inspect.signature(function, eval_str=True)
    common = inspect.signature(Terminal, eval_str=True)
    added = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in common.parameters.values()]
    kept = [parameter for name, parameter in own.parameters.items() if name != "talk"]
    version = inspect.Parameter("version", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Version)

    @functools.wraps(function)
    def run(*arguments: Any, **given: Any) -> None:
        given.pop("version")
        talk = Terminal(**{parameter.name: given.pop(parameter.name) for parameter in added})
        with errors_as_text(talk):
            function(talk, *arguments, **given)

    parameters = [*kept, *added, version]
    for parameter in parameters:
        _without_type(parameter.annotation)
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _without_type(annotation: Any) -> None:
    """Take the word `<bool>` from the help of an option that takes no value."""
    kind, *options = get_args(annotation)
    if kind is bool:
        for option in options:
            option.metavar = ""


@contextmanager
def errors_as_text(talk: Terminal) -> Iterator[None]:
    """Inside the block every error becomes text on stderr (a document too, under `--json`) and an exit code."""
    try:
        with enough_memory("a machine with more memory, or fewer rows at once"):
            yield
        streams.flushed()
    except ReaderLeft as fault:
        raise typer.Exit(fault.exit_code) from None
    except DisttrainError as fault:
        if talk.tracebacks:
            traceback.print_exc()
        _report(talk, fault)
        raise typer.Exit(fault.exit_code) from None
    except KeyboardInterrupt as fault:
        raise _stopped(talk, word_of(fault)) from None
    except typer.Exit:
        raise
    except Exception as fault:
        if (word := stop_signals.program_asked()) is not None:
            # An import that is interrupted may end in any error.
            raise _stopped(talk, word) from None
        if talk.tracebacks:
            traceback.print_exc()
        hint = "please report it with the output of the same command and `--debug`"
        what = f"this is a bug in disttrain: {type(fault).__name__}: {fault}"
        _report(talk, DisttrainError(Finding("bug", what[:500], hints=(hint,))))
        raise typer.Exit(70) from None


def _stopped(talk: Terminal, word: str) -> typer.Exit:
    talk.say(word)
    return typer.Exit(STOPPED[word])


def report(fault: DisttrainError) -> None:
    """Say what went wrong where no command has begun to talk."""
    _report(Terminal(), fault)


def _report(talk: Terminal, fault: DisttrainError) -> None:
    # Where the answer is "no" it has been printed already, and stdout holds one document.
    if talk.json and not isinstance(fault, AnswerIsNo):
        talk.document({"event": "error", "exit_code": fault.exit_code, "errors": [asdict(finding) for finding in fault.findings]})
    for finding in fault.findings:
        for number, line in enumerate(_lines(finding)):
            _print(talk.err, line, style="bold red" if number == 0 else None)
        talk.err.print()
    if fault.summary:
        _print(talk.err, fault.summary)


def _print(console: Console, text: str, style: str | None = None) -> None:
    """Print one line, after the empty ones that it begins with; what a file has brought into it cannot steer the terminal.

    A terminal breaks it between words, a file or a pipe gets it whole.
    """
    line = text.lstrip("\n")
    whole = not console.file.isatty()
    console.print("\n" * (len(text) - len(line)) + escaped(line), style=style, highlight=False, markup=False, soft_wrap=whole)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"error[{finding.code}]: {finding.what}"
    if finding.where:
        yield f"  --> {finding.where}"
    for line in finding.excerpt:
        # Lines of a config bring their own gutter with line numbers; rows of data get one.
        yield line if line.lstrip("0123456789 ").startswith("|") else f"   | {line}"
    for name, texts in (("why", (finding.why,)), ("hint", finding.hints), ("kept", (finding.kept,))):
        for text in texts:
            if text:
                yield f"  = {name}: {text}"


def _console(stream: Any, color: Color) -> Console:
    from rich.console import Console

    terminal = {Color.always: True, Color.never: False, Color.auto: None}[color]
    # A file or a pipe has no width; a table cut to 80 columns would lose numbers.
    width = None if stream.isatty() else 160
    return Console(file=stream, force_terminal=terminal, no_color=color is Color.never or None, emoji=False, width=width)
