"""The group of all commands: common options before a command's name, and usage errors in the words of disttrain."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from disttrain.cli.terminal import COMMON, Color, Terminal, errors_as_text
from disttrain.errors import Finding, UsageError

if TYPE_CHECKING:
    # The copy of click in the typer of constraints.txt.
    from typer._click import exceptions as _CLICK
    from typer._click.core import Command
else:
    # Newer releases of typer bring a copy of click, older ones use click itself: BadParameter stands among the errors of either.
    _CLICK = import_module(typer.BadParameter.__module__)

# What click and pydantic say of a value, and what we say.
_VALUES = (
    (r"valid integer", "needs a whole number"),
    (r"valid number", "needs a number"),
    (r"greater than or equal to (\S+)|range x>=(\S+?)\.?$", "must be at least {0}"),
    (r"less than or equal to (\S+)|range x<=(\S+?)\.?$", "must be at most {0}"),
    (r"is not one of (.*?)\.?$", "must be one of {0}"),
)


class Program(TyperGroup):
    """The group of all commands. Common options may stand before the command too, and every usage error prints as `error[...]`."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command. Print a usage error, or raise it if `standalone_mode` is false."""
        arguments = _arranged(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(arguments, prog_name, complete_var, False, windows_expand_args, **extra)
        try:
            # Not by the `main` of click, in which every signal becomes exit code 130.
            with self.make_context(prog_name or "disttrain", list(arguments), **extra) as context:
                self.invoke(context)
            sys.exit(0)
        except typer.Exit as end:
            sys.exit(end.exit_code)
        except _CLICK.NoArgsIsHelpError as fault:
            # What the program can do has been printed, or is the message.
            typer.echo(fault.format_message(), nl=bool(fault.format_message()))
            sys.exit(2)
        except _CLICK.ClickException as fault:
            sys.exit(_report(fault, arguments, self.commands))


def _arranged(args: Sequence[str]) -> list[str]:
    """The arguments, with the common options before the command moved behind its name."""
    front: list[str] = []
    rest = list(args)
    while rest and _is_common(rest[0]):
        front.append(rest.pop(0))
        if front[-1] == "--color" and rest:
            front.append(rest.pop(0))
    if not rest or rest[0].startswith("-"):
        # No command: what is left asks for help or the version, however it is to be shown.
        return [argument for argument in rest if not _is_common(argument)]
    return [rest[0], *front, *rest[1:]]


def _is_common(argument: str) -> bool:
    return argument.partition("=")[0] in COMMON or re.fullmatch("-[qv]+", argument) is not None


def _report(fault: _CLICK.ClickException, arguments: Sequence[str], commands: Mapping[str, Command]) -> int:
    """Print a usage error and return the exit code."""
    color = next((color for color in Color if f"--color {color}" in " ".join(arguments).replace("=", " ")), Color.auto)
    terminal = Terminal(json="--json" in arguments, color=color, debug="--debug" in arguments)
    try:
        with errors_as_text(terminal):
            raise UsageError(_finding(fault, arguments, commands))
    except typer.Exit as end:
        code = end.exit_code
    return code


def _finding(fault: _CLICK.ClickException, arguments: Sequence[str], commands: Mapping[str, Command]) -> Finding:
    """The finding of a usage error: its code, the usage of the command, and hints."""
    name = arguments[0] if arguments and arguments[0] in commands else ""
    command = commands.get(name)
    help_hint = f"`{' '.join(filter(None, ('disttrain', name)))} --help` lists what there is"
    code, what, where, hint = _explained(fault, name, command, tuple(commands))
    if where in arguments[:-1] and fault.__class__ is _CLICK.BadParameter:
        what = f"{what}, not `{arguments[arguments.index(where) + 1]}`"
    return Finding(code, what, where, (f"Usage: {_usage(name, command)}",), hints=tuple(filter(None, (hint, help_hint))))


def _usage(name: str, command: Command | None) -> str:
    if command is None:
        return "disttrain COMMAND [ARGS] [OPTIONS]"
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    labels = [(param.metavar or param.name).strip("[]").upper() for param in arguments]
    placeholders = [label if param.required else f"[{label}]" for param, label in zip(arguments, labels, strict=True)]
    return " ".join(["disttrain", name, *placeholders, "[OPTIONS]"])


def _explained(fault: _CLICK.ClickException, name: str, command: Command | None, commands: tuple[str, ...]) -> tuple[str, str, str, str]:
    """The code, text, location and hint of an error of click."""
    owner = f"`{' '.join(filter(None, ('disttrain', name)))}`"
    match fault:
        case _CLICK.NoSuchOption():
            return "unknown-option", f"{owner} has no option `{fault.option_name}`", "", _nearest_option(fault.option_name, command)
        case _CLICK.BadOptionUsage():
            what = "takes no value" if "does not take" in fault.message else "needs a value"
            return "bad-option", f"`{fault.option_name}` {what}", fault.option_name, ""
        case _CLICK.MissingParameter():
            label = fault.param.name if fault.param is not None else "argument"
            return "missing-argument", f"{owner} needs a {label}", label.upper(), f"such as `disttrain {name} config.yaml`"
        case _CLICK.BadParameter():
            label = fault.param.opts[0] if fault.param is not None else "the value"
            return "bad-option", f"`{label}` {_value_words(fault.message)}", label, ""
    if missing := re.match(r"No such command '(.*?)'\.", fault.message):
        return "unknown-command", f"`{missing[1]}` is not a command", "", _nearest_command(missing[1], commands)
    if extra := re.search(r"extra arguments?(?:\(s\))? \((.*)\)", fault.message):
        return (
            "extra-argument",
            f"{owner} has no use for `{extra[1]}`",
            "",
            "write several values as `a,b`, and a value that holds blanks in quotes",
        )
    return "bad-usage", str(fault.format_message()), "", ""


def _value_words(message: str) -> str:
    for pattern, text in _VALUES:
        if match := re.search(pattern, message):
            return text.format(*(group.replace("'", "") for group in match.groups() if group))
    return message


def _nearest_command(word: str, commands: tuple[str, ...]) -> str:
    from disttrain.config import suggestion

    if nearest := suggestion(word, commands):
        return f"did you mean `disttrain {nearest}`?"
    if word.endswith((".yaml", ".yml")):
        return f"did you mean `disttrain fit {word}`?"
    return f"the commands are {', '.join(f'`{command}`' for command in commands)}"


def _nearest_option(option: str, command: Command | None) -> str:
    """A hint with the nearest option, or with `--set` and the key of the config of that name."""
    from disttrain.config import key_of, suggestion

    if command is None:
        return (
            f"did you mean `{nearest}`?"
            if (nearest := suggestion(option, COMMON))
            else "an option stands behind the command: `disttrain COMMAND [OPTIONS]`"
        )
    options = [text for param in command.params for text in param.opts if text.startswith("-")]
    key = key_of(option.lstrip("-").replace("-", "_")) if "--set" in options else None
    nearest = suggestion(option, options)
    if key is not None and (nearest is None or key.rpartition(".")[2] == option.lstrip("-").replace("-", "_")):
        return f"did you mean `--set {key}=VALUE`?"
    return f"did you mean `{nearest}`?" if nearest else ""
