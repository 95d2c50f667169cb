"""What is offered for a wrong key or value is accepted by the config, whatever the key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain import config
from disttrain.config import Config, key_of
from disttrain.config.aliases import _ELSEWHERE, Key
from disttrain.config.corrections import hint_for_value
from disttrain.config.yaml import parser
from disttrain.errors import ConfigError

PLAIN = {"recipe": "plain", "distribution": "gamma", "data": {"train": "a.csv", "target": "y", "features": ["x"]}}
KEYS = [
    (section, key)
    for section in ("data", "network", "training", "evaluation", "predictions", "output")
    for key in Config.model_fields[section].annotation.model_fields
]
WRONG_VALUES = [
    0, 1, 20, -1, 0.5, 64, 100.0, 1e9, True, False, "yes", "no", "true", "off", "none", "64", "64,64", "64 64", "[64, 64]", "0.5", "0,5", "20%",
    "30 min", "a", "", [], [64], [[64]], ["a"], {}, {"a": 1}, [{"a": 1}],
]  # fmt: skip


def refused(document):
    """The findings about a document."""
    try:
        config.parse(document)
    except ConfigError as error:
        return error.findings
    return ()


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_a_value_that_is_offered_is_taken(section, key):
    for value in WRONG_VALUES:
        document = {**PLAIN, section: {**PLAIN.get(section, {}), key: value}}
        here = [finding for finding in refused(document) if finding.where == f"{section}.{key}"]
        hints = [match[1] for finding in here for hint in finding.hints if (match := re.match(r"write `(\w+: .+?)`(?:,|$)", hint))]
        for hint in hints:
            offered = parser.read(hint.encode()).value
            assert list(offered) == [key]
            again = {**document, section: {**document[section], key: offered[key]}}
            codes = {finding.code for finding in refused(again) if finding.where.startswith(f"{section}.{key}")}
            assert not codes & {"wrong-type", "out-of-range"}, (value, hint)


@pytest.mark.slow
@given(st.text(max_size=40) | st.floats() | st.integers() | st.lists(st.text(max_size=5), max_size=4), st.sampled_from(KEYS))
@settings(max_examples=200, deadline=None)
def test_any_value_has_a_hint_or_none_and_never_a_fault(value, key):
    hint = hint_for_value(Key(key), value)
    assert hint is None or "`" in hint


def test_every_word_of_another_program_leads_to_a_key_that_there_is():
    for word, key in _ELSEWHERE.items():
        assert Key(tuple(key.split("."))).field is not None
        assert key_of(word) == key


def test_a_key_of_a_section_is_found_by_its_name():
    for name in Config.model_fields:
        assert key_of(name) == name
    assert key_of("lr") == "training.optimizer.lr"
    assert key_of("nothing_like_it") is None
