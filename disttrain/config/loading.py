"""Loads a Config from a file, a text or a mapping, and reports all problems at once with their locations."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from disttrain.config.column_roles import role_problems, unavailable
from disttrain.config.diagnostics import failure, problems_of
from disttrain.config.dump import plain_document
from disttrain.config.messages import escaped, nearest_file
from disttrain.config.paths import expanded
from disttrain.config.sections.config import Config
from disttrain.config.yaml import parser
from disttrain.config.yaml.overrides import applied
from disttrain.config.yaml.scalars import Document, Yaml
from disttrain.config.yaml.source_map import LocatedProblem, Problem, Source, SourceLocation, SourceMap, locate
from disttrain.errors import ConfigError, Finding

_SMALLEST = "the least is `distribution: gamma` and `data: {train: FILE, target: COLUMN, features: [COLUMN, COLUMN]}`"
Rules = Callable[[Document], Iterable[Problem]]


@dataclass(frozen=True)
class Loaded:
    """A config and its origin: the file, its bytes, the base folder of data paths, and the overrides `KEY=VALUE` that were set on top."""

    config: Config
    path: Path | None
    text: bytes
    base: Path
    label: str = "config"
    source_map: SourceMap = field(default_factory=dict, repr=False, compare=False)
    overrides: tuple[str, ...] = ()

    def finding(self, problem: Problem) -> Finding:
        """A problem as a finding with its location in the file or in an override."""
        return locate(self.source_map, problem, self.label).finding()


def load(path: Path | str, overrides: Sequence[str] = (), rules: Rules | None = None) -> Loaded:
    """The config file at `path`, with `KEY=VALUE` overrides set on top.

    `rules` looks at the raw document (after the overrides; parts of it may be malformed) and names further problems.
    Raises ConfigError with all problems at once, by line.
    """
    path = expanded(path)
    return _loaded(_bytes(path), str(path), path, path.parent, overrides, rules)


def loads(text: str, where: str = "config", base: Path | None = None, overrides: Sequence[str] = (), rules: Rules | None = None) -> Loaded:
    """The config in a text. `where` names the text in messages; `base` (default: the working folder) is the base folder of data paths.

    `overrides`, `rules` and the errors are as in `load`.
    """
    return _loaded(text.encode("utf-8", "surrogatepass"), where, None, Path.cwd() if base is None else base, overrides, rules)


def parse(document: Mapping[str, object], overrides: Sequence[str] = (), rules: Rules | None = None) -> Config:
    """The config in a mapping of plain Python values. Raises ConfigError with all problems at once, by dotted key."""
    return _checked(plain_document(document), {}, overrides, rules, "")[0]


def document_of(loaded: Loaded) -> dict[str, Yaml]:
    """The config as its file and the overrides give it: a raw document without defaults."""
    value = parser.read(loaded.text).value
    document = value if isinstance(value, dict) else {}
    for order, argument in enumerate(loaded.overrides, 1):
        applied(document, {}, argument, order)
    return document


def run_name(loaded: Loaded) -> str:
    """The name of a run of this config: `name` of the config, else the stem of its file, in characters that a folder may have."""
    stem = loaded.config.name or (loaded.path.stem if loaded.path else "run")
    return re.sub(r"[^\w.+ -]+", "-", stem)[:100].strip(" .-+") or "run"


def _loaded(data: bytes, label: str, path: Path | None, base: Path, overrides: Sequence[str], rules: Rules | None) -> Loaded:
    reading = parser.read(data)
    source = Source(label, reading.lines)
    if reading.faults:
        raise failure((LocatedProblem(fault.problem, source, fault.span, ()) for fault in reading.faults), label)
    if reading.value is None and not overrides:
        problem = Problem((), "empty-config", "the config is empty", hints=(_SMALLEST,))
        raise failure([locate({}, problem, label)], label)
    source_map = {key_path: SourceLocation(source, spans) for key_path, spans in reading.spans.items()}
    document = {} if reading.value is None else reading.value
    if not isinstance(document, dict):
        problem = Problem(
            (), "wrong-type", "a config is a mapping of keys to values", hints=("it begins with `distribution:` and `data:`",)
        )
        raise failure([locate(source_map, problem, label)], label)
    source_map.pop((), None)
    config, final = _checked(document, source_map, overrides, rules, label)
    return Loaded(config, path, data, base, label, final, tuple(overrides))


def _checked(
    document: dict[str, Yaml], source_map: SourceMap, overrides: Sequence[str], rules: Rules | None, label: str
) -> tuple[Config, SourceMap]:
    """The config of a raw document with overrides applied, and the source map of its values."""
    located_problems: list[LocatedProblem] = []
    for order, argument in enumerate(overrides, 1):
        source_map, override_problems = applied(document, source_map, argument, order)
        located_problems += override_problems
    refused = list(unavailable(document))
    problems = [*refused, *role_problems(document), *(rules(document) if rules else ())]
    config: Config | None = None
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        skipped = {problem.path for problem in refused}
        problems += [
            problem for problem in problems_of(error) if not any(problem.path[:n] in skipped for n in range(1, len(problem.path) + 1))
        ]
    located_problems += [locate(source_map, problem, label) for problem in problems]
    if config is None or located_problems:
        raise failure(located_problems, label)
    return config, source_map


def _bytes(path: Path) -> bytes:
    """The content of a regular file, up to one byte more than a config may have."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _no_config(path, "this is a folder, not a config file" if os.path.isdir(path) else "this is not a regular file")
        with path.open("rb") as file:
            return file.read(parser.MOST_BYTES + 1)
    except FileNotFoundError:
        raise _no_config(path, "there is no such config file") from None
    except (OSError, ValueError) as fault:
        raise _no_config(path, f"the file cannot be read: {getattr(fault, 'strerror', None) or fault}") from None


def _no_config(path: Path, what: str) -> ConfigError:
    hints = ("give the path of a YAML config",)
    folder = path if os.path.isdir(path) else path.parent
    candidates = [file.name for file in sorted(folder.glob("*.y*ml"))[:1_000]] if os.path.isdir(folder) else []
    if meant := nearest_file(path.name, candidates) or (candidates[0] if len(candidates) == 1 else None):
        hints = (f"did you mean `{escaped(str(folder / meant))}`?",)
    return ConfigError(Finding("no-config", what, escaped(str(path)), hints=hints), summary="nothing was run")
