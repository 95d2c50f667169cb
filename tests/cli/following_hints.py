"""Doing what a hint of an error says: the command line, or the config, with the step taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from disttrain.config.yaml import parser

# Options of `fit` that stand for a key of the config.
OPTION_KEYS = {
    "--device": "training.device",
    "--seed": "training.seed",
    "--epochs": "training.epochs",
    "--time-limit": "training.time_limit",
}

# Hints that no program can follow, each with the reason.
NOT_FOLLOWED = {
    r"add `[\w.]+: \.\.\.`": "only the owner of the data knows the value",
    r"such as `disttrain \w+ config\.yaml`": "the file of the example is not there",
    r"the least is `": "FILE and COLUMN stand for names that only the owner knows",
    r"ends with the quote|a text ends": "only the author knows where the text was to end",
    r"the keys of (one section begin|`|a config are)": "a list to choose from, or the shape of the file",
    r"use one of|use `auto`|write `30m`, `2h`|there are|the columns are|the commands are|families that can": "a list to choose from",
    r"download it,|write the rows to a file first": "it needs a network, or a database",
    r"a path is relative to this file|`~` is the home folder": "it says where was looked",
    r"it is already on line": "it says where the other one is",
    r"indent with spaces|leave (it|one of them) out(,| of|$)": "followed by the cases that say so by hand",
    r"write numbers like|loosen `data.filter`|name a file with rows": "the data must be mended",
    r"give the path of a YAML config|`disttrain fit CONFIG`": "it names the kind of thing that is meant",
    r"name another file": "the name of a file that may be replaced is the owner's choice",
    r"write several values as `a,b`": "whether one value or two was meant is not known",
    r"for example": "an example of the form",
    r"each parameter has its own": "NAME stands for a parameter that only the author knows",
    r"trees have it and networks have not|the loss follows from the distribution": "another idea takes its place; the key itself must go",
}


@dataclass(frozen=True)
class Attempt:
    """A command that ended in an error, and the text of its config."""

    arguments: tuple[str, ...]
    config: str = ""
    text: str = ""


def followed(attempt: Attempt, finding: dict[str, Any], hint: str) -> Attempt | None:
    """The attempt after the step that a hint names; None where it names none that a program can take."""
    for pattern, take in STEPS:
        match = re.search(pattern, hint)
        if match is not None and (after := take(attempt, finding, match)) is not None:
            return after
    return None


def reason_for_not_following(hint: str) -> str | None:
    return next((reason for pattern, reason in NOT_FOLLOWED.items() if re.search(pattern, hint)), None)


def _path(attempt: Attempt, finding: dict[str, Any]) -> tuple[str | int, ...]:
    """The path of keys in the place of a finding: `wrong.yaml:3:10  (data.features[1])`; a key may hold a point itself."""
    match = re.search(r"  \((.+)\)$", finding["where"])
    here, rest, path = parser.read(attempt.text.encode()).value, "" if match is None else match[1], []
    while rest:
        keys = [key for key in here if re.match(re.escape(key) + r"(?:[.\[]|$)", rest)] if isinstance(here, dict) else []
        key = max(keys, key=len, default=re.match(r"[^.\[\]]+", rest)[0])
        rest = rest[len(key) :].lstrip(".[]")
        path.append(int(key) if key.isdigit() else key)
        inside = (isinstance(here, dict) and key in here) or (isinstance(here, list) and key.isdigit() and int(key) < len(here))
        here = here[path[-1]] if inside else None
    return tuple(path)


def _edited(attempt: Attempt, path: tuple[str | int, ...], change: Callable[[Any, Any], None]) -> Attempt | None:
    """The attempt with its document changed by `change(container, key)`; a key of an override is changed in the document too."""
    document = parser.read(attempt.text.encode()).value
    if not isinstance(document, dict) or not path:
        return None
    arguments = _without_overrides(attempt.arguments, document, path)
    here = document
    for part in path[:-1]:
        if isinstance(here, dict) and not isinstance(here.get(part), dict | list):
            here[part] = {"distribution": {"family": here.get(part)}, "optimizer": {"name": here.get(part)}}.get(str(part), {})
        here = here[part]
    change(here, path[-1])
    return Attempt(arguments, attempt.config, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def _without_overrides(arguments: tuple[str, ...], document: dict[str, Any], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The arguments without the overrides that lie on the way to a path, which are set in the document instead."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument in ("-s", "--set") or argument in OPTION_KEYS:
            value = rest.pop(0)
            key, _, text = value.partition("=") if argument not in OPTION_KEYS else (OPTION_KEYS[argument], "", value)
            parts = tuple(key.split("."))
            if parts[: len(path)] == path[: len(parts)]:
                here = document
                for part in parts[:-1]:
                    here = here.setdefault(part, {})
                here[parts[-1]] = parser.read(text.encode()).value
                continue
            kept += [argument, value]
        else:
            kept.append(argument)
    return tuple(kept)


def _write(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt | None:
    """`key: value` in the place of what stands there."""
    if finding["code"] in ("yaml-syntax", "decimal-comma"):
        return _written_in_text(attempt, finding, match[1])
    pair = parser.read(match[1].encode()).value
    if not isinstance(pair, dict) or len(pair) != 1:
        return None
    ((key, value),) = pair.items()
    path = _path(attempt, finding)

    def change(container: Any, old: Any) -> None:
        container.pop(old, None)
        container[key] = value

    if key == "filter":
        path = (*path[: path.index("filter")], "filter") if "filter" in path else ()
    return _edited(attempt, path, change)


def _written_in_text(attempt: Attempt, finding: dict[str, Any], words: str) -> Attempt:
    """Of text that is no YAML yet: the words in the place of the same words without their blank, point or quotes."""
    number = int(finding["where"].split(":")[1]) - 1
    lines = attempt.text.splitlines()
    if finding["code"] == "decimal-comma":
        lines[number] = lines[number].replace(words.replace(".", ","), words)
    elif words.startswith("'"):
        lines[number] = re.sub(r'"[^"]*"', lambda _: words, lines[number])
    else:
        lines[number] = re.match(r"\s*", lines[number])[0] + words
    return replace(attempt, text="\n".join(lines) + "\n")


def _add(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt | None:
    """A key taken from where it stands and put where it belongs."""
    snippet = parser.read(match[1].encode()).value
    if not isinstance(snippet, dict):
        return None

    def change(container: Any, old: Any) -> None:
        container.pop(old, None)

    after = _edited(attempt, _path(attempt, finding), change)
    if after is None:
        return None
    document = parser.read(after.text.encode()).value
    _merge(document, snippet)
    return replace(after, text=yaml.safe_dump(document, sort_keys=False))


def _merge(document: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(document.get(key), dict):
            _merge(document[key], value)
        else:
            document[key] = value


def _leave_out(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt | None:
    del match
    option = finding["where"]
    if option in attempt.arguments:
        place = attempt.arguments.index(option)
        return replace(attempt, arguments=(*attempt.arguments[:place], *attempt.arguments[place + 2 :]))
    if option == "--metric":
        return replace(attempt, arguments=tuple(part for part in attempt.arguments if part not in ("-m", "accuracy")))
    path = _path(attempt, finding)
    return _edited(attempt, path[:2] if path[:2] == ("evaluation", "metrics") else path, lambda container, key: container.pop(key))


def _nearest(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt | None:
    """The word that was meant in the place of the wrong one: a key, a value, or an argument."""
    meant = match[1]
    if finding["code"] == "unknown-command":
        return replace(attempt, arguments=(*meant.split()[1:], *attempt.arguments[1:]))
    if finding["code"] == "unknown-option":
        return replace(attempt, arguments=_renamed_option(attempt.arguments, meant))
    path = _path(attempt, finding)
    if path and finding["code"] == "unknown-key":

        def rename(container: Any, key: Any) -> None:
            container[meant] = container.pop(key)

        return _edited(attempt, path, rename)
    if path:
        value = parser.read(meant.encode()).value if meant.startswith("{") else meant

        def put(container: Any, key: Any) -> None:
            if isinstance(key, str) and key == "filter":
                container[key] = container[key].replace(re.search(r"`(.+?)`", finding["what"])[1], meant)
            else:
                container[key] = value

        return _edited(attempt, path, put)
    wrong = re.search(r"`(.+?)`", finding["what"])
    words = [wrong[1]] if wrong else []
    words += [finding["where"]] if finding["where"] else []
    if not any(word in attempt.arguments for word in words):
        return None
    return replace(attempt, arguments=tuple(meant if argument in words else argument for argument in attempt.arguments))


def _renamed_option(arguments: tuple[str, ...], meant: str) -> tuple[str, ...]:
    """The arguments with `--epochs` for `--epoch`, or `--set KEY=4` for `--batch-size 4`."""
    wrong = next(place for place, argument in enumerate(arguments) if argument.startswith("-"))
    name, equals, value = arguments[wrong].partition("=")
    del name
    if meant.startswith("--set "):
        given = value if equals else arguments[wrong + 1]
        return (
            *arguments[:wrong],
            "--set",
            meant.removeprefix("--set ").replace("VALUE", given),
            *arguments[wrong + (1 if equals else 2) :],
        )
    return (*arguments[:wrong], meant + equals + value, *arguments[wrong + 1 :])


def _as_in_the_example(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt | None:
    """The option with the value of the example."""
    option, value = match[1], match[2].strip("'")
    short = {"--metric": "-m"}.get(option, option)
    for name in (option, short):
        if name in attempt.arguments:
            place = attempt.arguments.index(name)
            return replace(attempt, arguments=(*attempt.arguments[: place + 1], value, *attempt.arguments[place + 2 :]))
    return None


def _with_option(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt:
    del finding
    more = {"--overwrite": ("--overwrite",), "--out": ("--out", "elsewhere")}[match[1]]
    arguments = attempt.arguments
    if match[1] == "--out" and "--out" in arguments:
        arguments = tuple(part for place, part in enumerate(arguments) if part != "--out" and arguments[place - 1] != "--out")
    return replace(attempt, arguments=(*arguments, *more))


def _with_key(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt:
    """`section.key: value` as an override."""
    del finding
    key, _, value = match[1].partition(": ")
    return replace(attempt, arguments=(*attempt.arguments, "--set", f"{key}={value}"))


def _command(attempt: Attempt, finding: dict[str, Any], match: re.Match[str]) -> Attempt:
    del finding
    return replace(attempt, arguments=tuple(match[1].split()))


STEPS: tuple[tuple[str, Callable[[Attempt, dict[str, Any], re.Match[str]], Attempt | None]], ...] = (
    (r"did you mean `([^`]+)`", _nearest),
    (r"write a blank behind the colon: `(.+)`$", _write),
    (r"in single quotes a backslash is only a backslash: `([^`]+)`", _write),
    (r"(?:belongs to `[\w.]+`|is `[\w.]+` here|in one another): `(\w+: \{.*\})`$", _add),
    (r"write `(\w+: [^`]+)`", _write),
    (r"write `(/[^`]+)`$", _nearest),
    (r"write a decimal point: `(\w+: [^`]+)`", _write),
    (r"leave it out for its default|leave the metrics out", _leave_out),
    (r"such as `(--[a-z]+) ([^`]+)`", _as_in_the_example),
    (r"`(--overwrite)` replaces", _with_option),
    (r"give another folder with `(--out)`", _with_option),
    (r"`(\w+\.\w+: [^`]+)`", _with_key),
    (r"`disttrain ((?:\w+ )?--help|families)` lists", _command),
)


def run_config(attempt: Attempt, folder: Path) -> list[str]:
    """The arguments to run, after its config was written into the folder."""
    if attempt.config:
        (folder / attempt.config).write_text(attempt.text, encoding="utf-8")
    return list(attempt.arguments)
