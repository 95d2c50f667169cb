"""A config as YAML text that reads back to the same config."""

from __future__ import annotations

from collections.abc import Mapping

from disttrain.config.diagnostics import failure
from disttrain.config.sections.config import Config
from disttrain.config.yaml.scalars import TooDeepError, Yaml, plain, problems_in
from disttrain.config.yaml.source_map import Problem, locate
from disttrain.config.yaml.text import yaml_text, yaml_word


def dump(config: Config) -> str:
    """YAML text of a config with every default filled in; `load` reads it back to an equal config."""
    # Copies made with model_copy may hold lists where the section says tuples; both are lists in YAML.
    return yaml_text(config.model_dump(mode="json", warnings=False))


def dump_document(document: Mapping[str, object]) -> str:
    """YAML text of a raw config document. Raises ConfigError if a config cannot hold a value of it."""
    return yaml_text(plain_document(document))


def override(key: str, value: object) -> str:
    """The `KEY=VALUE` argument that sets a dotted key to a Python value. Raises ConfigError if a config cannot hold it."""
    return f"{key}={yaml_word(plain_document({'value': value})['value'])}"


def plain_document(document: Mapping[str, object]) -> dict[str, Yaml]:
    """A copy of a document with plain values only. Raises ConfigError with every value that a config cannot hold."""
    problems: list[Problem] = []
    try:
        problems.extend(problems_in(document))
    except TooDeepError:
        problems.append(Problem((), "too-deep", "lists and mappings lie too deep in one another, or in themselves"))
    copy = None if problems else plain(document)
    if isinstance(copy, dict):
        return copy
    problems = problems or [Problem((), "wrong-type", "a config is a mapping of keys to values")]
    raise failure((locate({}, problem) for problem in problems), "")
