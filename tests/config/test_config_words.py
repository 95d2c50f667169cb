"""The words of a config are those that something acts on: each list against the table, or the code, that knows what they mean."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import disttrain
from disttrain import choices, config, data, metrics, networks, training
from disttrain.config import recipes
from disttrain.config.sections.data import CsvSection
from disttrain.data import column_checks, splits
from disttrain.errors import ConfigError
from disttrain.networks import input_layer
from disttrain.prediction import selection
from disttrain.workflows import explain

PACKAGE = Path(disttrain.__file__).parent
NAMES = Path(choices.__file__)
# Each list of words, and the table of the part of the program that acts on them.
TABLES = {
    "RECIPES": lambda: set(recipes.RECIPES),
    "METRICS": lambda: set(metrics.METRICS),
    "OPTIMIZERS": lambda: set(training.OPTIMIZERS),
    "OPTIMIZER_DEFAULTS": lambda: set(training.OPTIMIZERS),
    "SCHEDULES": lambda: set(training.SCHEDULES),
    "SCHEDULE_DEFAULTS": lambda: set(training.SCHEDULES) - {"constant", "cosine"},
    "TRUNK_ACTIVATIONS": lambda: set(networks.TRUNK_ACTIVATIONS),
    "NORMALIZATIONS": lambda: set(networks.NORMALIZATIONS),
    "SUFFIXES": lambda: set(data.FORMATS),
    "FORMATS": lambda: {"auto", *data.FORMATS},
    "TEXT_FORMATS": lambda: {name for name, form in data.FORMATS.items() if form.lines is not None},
    "COLUMN_KINDS": lambda: set(column_checks.KINDS),
    "SPLIT_METHODS": lambda: {*splits.RANKS, "per_member"},
    "MEMBER_SPLITS": lambda: set(data.MEMBER_HOLDOUTS),
    "SPLITS": lambda: {key for key in config.DataSection.model_fields if hasattr(data, key.upper())},
    "PREDICTION_COLUMNS": lambda: {"parameters", "quantiles", *selection.COLUMNS, *selection.TIMED},
    "TIMED_COLUMNS": lambda: set(selection.TIMED),
    "NUMERIC_EMBEDDINGS": lambda: set(input_layer.NUMERIC_EMBEDDINGS),
    "INITIALIZATIONS": lambda: set(explain._STARTS),
}
# Lists without a table: the program asks for the words by name.
ASKED_FOR = (
    "CSV_THOUSANDS", "ENCODINGS", "HEADS", "MISSING", "MOMENTUM_OPTIMIZERS", "POOLINGS", "PRECISIONS", "SCALINGS", "STOPPING_METRICS",
    "UNKNOWN_CATEGORIES",
)  # fmt: skip


def test_every_list_of_words_is_held_by_this_file():
    assert set(choices.__all__) == {*TABLES, *ASKED_FOR, "NOT_AVAILABLE"}


@pytest.mark.parametrize("name", TABLES)
def test_the_words_are_those_of_the_table(name):
    assert set(getattr(choices, name)) == TABLES[name]()


def test_the_code_of_a_split_is_its_place():
    assert [getattr(data, split.upper()) for split in choices.SPLITS] == [0, 1, 2]


def strings():
    """Every text in the code outside of the config and of the lists of words themselves."""
    for path in PACKAGE.rglob("*.py"):
        if path != NAMES and "config" not in path.relative_to(PACKAGE).parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED_FOR)
def test_the_words_are_asked_for(name):
    known = set(strings())
    assert [word for word in getattr(choices, name) if word not in known] == []


@pytest.mark.parametrize("path", choices.NOT_AVAILABLE)
def test_what_is_not_available_is_refused(path):
    document = {"recipe": "plain", "distribution": "gamma", "data": {"train": "a.csv", "target": "y", "features": ["x"]}}
    here = document
    for part in path[:-1]:
        here = here.setdefault(part, {})
    here[path[-1]] = {"trials": 1} if path == ("tune",) else True
    with pytest.raises(ConfigError, match="not available"):
        config.parse(document)


@pytest.mark.parametrize("mark", ["auto", ",", ";", "\t", "|", ":", " ", "^", "\x01", "~"])
def test_any_character_separates(mark):
    assert CsvSection(separator=mark).separator == mark


@pytest.mark.parametrize("mark", ["", "tab", ";;", '"', "\n", "\r", "\0", "§"])
def test_words_quotes_and_line_ends_separate_nothing(mark):
    with pytest.raises(ValueError, match="is not a separator"):
        CsvSection(separator=mark)
