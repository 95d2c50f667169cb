"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from disttrain.choices import SUFFIXES
from disttrain.errors import Finding, UsageError

if TYPE_CHECKING:
    from typer._click.core import Context

# Where runs are looked for when none is named.
RUNS = Path("runs")
# What `--resume` is given where it stands without a value.
NEWEST = ""
# What the help of an option says of several values, and of formats.
SEVERAL = "a,b, or repeatable."
_FIRST, _LAST = tuple(SUFFIXES)[:-1], tuple(SUFFIXES)[-1]
FORMATS_LISTED = f"{', '.join(_FIRST)} or {_LAST}"

Set = Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a key of the config; repeatable.")]
RunArgument = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="A run folder or its model folder. Default: the newest finished run.")
]

InputFormat = Annotated[str | None, typer.Option("--input-format", help=f"{FORMATS_LISTED}. Default: by the suffix.")]
Map = Annotated[
    list[str] | None, typer.Option("--map", metavar="COLUMN=NAME", help="What the file calls a column; a=b,c=d, or repeatable.")
]
Unknown = Annotated[str, typer.Option("--unknown", help="ok: go on where no category of a feature is known. Default: error.")]


def words(values: Iterable[str] | None) -> tuple[str, ...] | None:
    """The distinct parts of every `a,b,c` of a repeated option; None if the option is absent."""
    return None if values is None else tuple(dict.fromkeys(part.strip() for text in values for part in text.split(",") if part.strip()))


def numbers(option: str, values: Iterable[str] | None, example: str) -> tuple[float, ...] | None:
    """The numbers in every `a,b,c` of a repeated option; None if the option is absent.

    Raises UsageError for a part that is not a number, with `example` in the hint.
    """
    parts = words(values)
    try:
        return None if parts is None else tuple(float(part) for part in parts)
    except ValueError:
        raise bad_option(option, f"`{','.join(parts or ())}` is not a list of numbers", f"such as `{option} {example}`") from None


def pairs(option: str, values: Iterable[str] | None, form: str, example: str) -> tuple[tuple[str, str], ...]:
    """The pairs in every `OLD=NEW` or `a=b,c=d` of a repeated option. Raises UsageError for a part that is not a pair.

    A comma separates pairs where every part is one; otherwise it belongs to a name.
    """
    result = []
    for text in values or ():
        parts = [part.strip() for part in text.split(",")]
        for part in parts if all(_is_pair(part) for part in parts) else [text]:
            if not _is_pair(part):
                raise bad_option(option, f"`{part}` is not {form}", f"such as `{option} {example}`")
            old, _, new = part.partition("=")
            result.append((old, new))
    return tuple(result)


def _is_pair(text: str) -> bool:
    old, equals, new = text.partition("=")
    return bool(old and equals and new)


def bad_option(option: str, what: str, hint: str) -> UsageError:
    """The UsageError for an option with an invalid value."""
    return UsageError(Finding("bad-option", what, option, hints=(hint,)))


class FitCommand(TyperCommand):
    """A command whose option `--resume` may lack a value, which typer does not support.

    The next argument is its value, unless that is another option, the config file or absent.
    """

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_completed(args)))


def _completed(args: Sequence[str]) -> Iterator[str]:
    for argument, following in zip(args, [*args, None][1:], strict=True):
        # Only what follows `--resume` is looked at, and by `os.path`: a text that cannot be a path is no file.
        alone = argument == "--resume" and (following is None or following.startswith("-") or os.path.isfile(following))
        yield f"--resume={NEWEST}" if alone else argument
