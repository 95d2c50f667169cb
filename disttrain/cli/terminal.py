"""The input and output of a command: the common options, text on stderr, data on stdout, errors as text and exit codes."""

from __future__ import annotations

import functools
import inspect
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TextIO, get_args

import typer

from disttrain.cli import stop_signals, streams
from disttrain.errors import STOPPED, AnswerIsNo, DisttrainError, Finding, ReaderLeft, enough_memory, word_of
from disttrain.messages import escaped, escaped_json

if TYPE_CHECKING:
    from rich.console import Console

# The options that every command has, behind its name or before it.
COMMON = ("--quiet", "-q", "--verbose", "-v", "--json", "--color", "--no-progress", "--debug")
_PANEL = "Options of every command, behind its name or before it"


class Color(StrEnum):
    """The values of `--color`."""

    auto = "auto"
    always = "always"
    never = "never"


def _show_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"disttrain {version('disttrain')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, metavar="", help="Show the version.")]


@dataclass(frozen=True)
class Terminal:
    """The values of the common options, and the consoles that they configure."""

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
        """True if an error prints its traceback."""
        return self.debug or self.verbose > 1

    @functools.cached_property
    def out(self) -> Console:
        """The console of results."""
        return _console(sys.stdout, self.color)

    @functools.cached_property
    def err(self) -> Console:
        """The console of messages: progress, warnings, errors."""
        return _console(sys.stderr, self.color)

    def say(self, text: str = "") -> None:
        """Print a message that is not a result, unless `--quiet` or `--json` is set."""
        if not (self.quiet or self.json):
            _print(self.err, text)

    def note(self, remarks: Iterable[str] = (), warnings: Iterable[str] = ()) -> None:
        """Print remarks on the data, each after a `·`, and warnings, each after a `!`."""
        for mark, texts in (("·", remarks), ("!", warnings)):
            for text in texts:
                self.say(f"  {mark} {text}")

    def show(self, text: str = "") -> None:
        """Print a line of a result for people."""
        _print(self.out, text)

    def document(self, content: Mapping[str, object]) -> None:
        """Print a JSON document."""
        # An encoding that lacks letters would change the document.
        plain = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
        sys.stdout.write(escaped_json(json.dumps(_plain(content), ensure_ascii=not plain, allow_nan=False, default=str)) + "\n")
        sys.stdout.flush()


def _plain(content: object) -> object:
    """The content with null instead of numbers that JSON does not have."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def command(function: Callable[..., None]) -> Callable[..., None]:
    """The command `function(terminal, ...)` with the options of Terminal added, and errors turned into text and an exit code.

    typer reads a command's options from its signature, so the common ones are added there instead of being written out in every command.
    """
    signature = inspect.signature(function, eval_str=True)
    common_signature = inspect.signature(Terminal, eval_str=True)
    added = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in common_signature.parameters.values()]
    own_parameters = [parameter for name, parameter in signature.parameters.items() if name != "terminal"]
    version = inspect.Parameter("version", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Version)

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> None:
        options.pop("version")
        terminal = Terminal(**{parameter.name: options.pop(parameter.name) for parameter in added})
        with errors_as_text(terminal):
            function(terminal, *arguments, **options)

    parameters = [*own_parameters, *added, version]
    for parameter in parameters:
        _without_type(parameter.annotation)
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _without_type(annotation: object) -> None:
    """Remove the word `<bool>` from the help of an option that takes no value."""
    kind, *options = get_args(annotation)
    if kind is bool:
        for option in options:
            option.metavar = ""


@contextmanager
def errors_as_text(terminal: Terminal) -> Iterator[None]:
    """Turn every error of the block into text on stderr (under `--json` a document too) and an exit code."""
    try:
        with enough_memory("a machine with more memory, or fewer rows at once"):
            yield
        streams.flushed()
    except ReaderLeft as fault:
        raise typer.Exit(fault.exit_code) from None
    except DisttrainError as fault:
        if terminal.tracebacks:
            traceback.print_exc()
        _report(terminal, fault)
        raise typer.Exit(fault.exit_code) from None
    except KeyboardInterrupt as fault:
        raise _stopped(terminal, word_of(fault)) from None
    except typer.Exit:
        raise
    except Exception as fault:
        if (word := stop_signals.program_stop_word()) is not None:
            # An import that is interrupted may end in any error.
            raise _stopped(terminal, word) from None
        if terminal.tracebacks:
            traceback.print_exc()
        hint = "please report it with the output of the same command and `--debug`"
        what = f"this is a bug in disttrain: {type(fault).__name__}: {fault}"
        _report(terminal, DisttrainError(Finding("bug", what[:500], hints=(hint,))))
        raise typer.Exit(70) from None


def _stopped(terminal: Terminal, word: str) -> typer.Exit:
    terminal.say(word)
    return typer.Exit(STOPPED[word])


def report(fault: DisttrainError) -> None:
    """Print an error that arose outside a command."""
    _report(Terminal(), fault)


def _report(terminal: Terminal, fault: DisttrainError) -> None:
    # Where the answer is "no" it has been printed already, and stdout holds one document.
    if terminal.json and not isinstance(fault, AnswerIsNo):
        terminal.document({"event": "error", "exit_code": fault.exit_code, "errors": [asdict(finding) for finding in fault.findings]})
    for finding in fault.findings:
        for number, line in enumerate(_lines(finding)):
            _print(terminal.err, line, style="bold red" if number == 0 else None)
        terminal.err.print()
    if fault.summary:
        _print(terminal.err, fault.summary)


def _print(console: Console, text: str, style: str | None = None) -> None:
    """Print one line, after its leading empty lines, with control characters escaped so that text of a file cannot steer the terminal.

    A terminal wraps the line between words; a file or a pipe gets it unwrapped.
    """
    line = text.lstrip("\n")
    unwrapped = not console.file.isatty()
    console.print("\n" * (len(text) - len(line)) + escaped(line), style=style, highlight=False, markup=False, soft_wrap=unwrapped)


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


def _console(stream: TextIO, color: Color) -> Console:
    from rich.console import Console

    forced = {Color.always: True, Color.never: False, Color.auto: None}[color]
    # A file or a pipe has no width; a table cut to 80 columns would lose numbers.
    width = None if stream.isatty() else 160
    return Console(file=stream, force_terminal=forced, no_color=color is Color.never or None, emoji=False, width=width)
