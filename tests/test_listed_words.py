"""Every list of words that a user reads, in the help, README and the config of all options, is that of the program: no word is forgotten."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel

from disttrain import choices, config, errors
from disttrain.cli.app import app

PROJECT = Path(__file__).parents[1]
ALL_OPTIONS = PROJECT / "configs/all_options.yaml"
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "configs/all_options.yaml")
TABLES = {
    name: tuple(words)
    for name in choices.__all__
    if (words := getattr(choices, name)) and all(isinstance(word, str) and word.isidentifier() for word in words)
} | {"FORMATS without auto": tuple(choices.SUFFIXES)}
# Where each table has to stand in full: the help of an option of a command, or a document.
IN_FULL = {
    "METRICS": [("evaluate", "metric"), "README.md", "configs/all_options.yaml"],
    "PREDICTION_COLUMNS": [("predict", "columns")],
    "SPLITS": [("evaluate", "split")],
    "FORMATS without auto": [("predict", "format_"), ("predict", "input_format"), ("evaluate", "input_format")],
    "FORMATS": ["configs/all_options.yaml"],
}


def helps() -> dict[tuple[str, str], str]:
    """The help of each option and argument, {(command, name): text}."""
    group = typer.main.get_command(app)
    return {(name, option.name): getattr(option, "help", "") or "" for name, command in group.commands.items() for option in command.params}


HELPS = helps()
TEXTS = {**{" ".join(key): text for key, text in HELPS.items()}, **{name: (PROJECT / name).read_text("utf-8") for name in DOCUMENTS}}


def lists(text: str) -> Iterator[tuple[list[str], bool]]:
    """The lists of at least three words in a text, and whether each says that it is not whole."""
    # A list in brackets is a value.
    text = re.sub(r"\s*\n\s*#?\s*", " ", re.sub(r"\[[^\]]*\]", "", text.replace("`", "")))
    separator = r"(?:, and |, or |, | \| | or | and )"
    for found in re.finditer(rf"\b\w+(?:{separator}\w+){{2,}}(?P<more>,? (?:\.\.\.|…))?", text):
        before = text[max(found.start() - 12, 0) : found.start()]
        partial = bool(found["more"]) or bool(re.search(r"(such as|like|also|e\.g\.) $", before))
        yield re.split(separator, re.sub(r",? (\.\.\.|…)$", "", found[0])), partial


def members(words: list[str], table: tuple[str, ...]) -> set[str]:
    return set(words) & set(table)


@pytest.mark.parametrize("place", TEXTS)
def test_a_list_of_words_is_whole(place):
    for words, partial in lists(TEXTS[place]):
        whole = [table for table in TABLES.values() if set(table) <= set(words)]
        for name, table in TABLES.items():
            named = members(words, table)
            if len(named) >= 3 and len(named) > len(words) / 2 and not partial:
                assert named == set(table) or any(named <= set(other) for other in whole), (name, words)


@pytest.mark.parametrize(("table", "place"), [(table, place) for table, places in IN_FULL.items() for place in places], ids=str)
def test_a_table_stands_in_full(table, place):
    text = HELPS[place] if isinstance(place, tuple) else TEXTS[place]
    assert any(set(TABLES[table]) <= set(words) for words, _ in lists(text)), text[:200]


def marks(annotation: Any, metadata: Iterable[Any]) -> Iterator[Any]:
    """The validators of a field, those within a union too."""
    yield from metadata
    for part in get_args(annotation):
        yield from marks(part, getattr(part, "__metadata__", ()))


def choice_keys(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The keys of a config whose value is one of a few words, with these words."""
    for name, field in section.model_fields.items():
        for mark in marks(field.annotation, field.metadata):
            words = inspect.getclosurevars(mark.func).nonlocals.get("words") if hasattr(mark, "func") else None
            if words and all(word.isidentifier() for word in words):
                yield ".".join((*path, name)), tuple(words)
        if isinstance(field.annotation, type) and get_origin(field.annotation) is None and issubclass(field.annotation, BaseModel):
            yield from choice_keys(field.annotation, (*path, name))


KEYS = dict(choice_keys(config.Config))


def test_the_keys_with_choices_are_found():
    assert {"data.format", "network.heads", "training.precision", "evaluation.metrics", "predictions.splits"} <= set(KEYS)
    assert len(KEYS) >= 15


@pytest.mark.parametrize("key", KEYS)
def test_all_options_names_each_choice_of_a_key(key):
    lines = ALL_OPTIONS.read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if re.match(rf"{key.split('.')[0]}:", line))
    *_, name = key.split(".")[:2]
    number = next(number for number in range(start, len(lines)) if re.match(rf"\s*{name}:", lines[number]))
    text = lines[number] + "".join(line for line in lines[number - 2 : number + 3] if line.lstrip().startswith("#"))
    assert [word for word in KEYS[key] if not re.search(rf"\b{word}\b", text)] == []


def subclasses(base: type) -> Iterator[type]:
    for each in base.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_exit_code_is_in_readme():
    section = TEXTS["README.md"].split("## Exit codes")[1].split("\n## ")[0]
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE) for code in row.split(", ")}
    codes = {each.exit_code for each in subclasses(errors.DisttrainError) if each.__module__.startswith("disttrain.")}
    assert listed == {0, 141, errors.DisttrainError.exit_code, *codes, *errors.STOPPED.values()}
