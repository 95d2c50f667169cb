"""From a file, a text or a mapping to a Config: everything that is wrong is said at once, and where."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from disttrain.config.column_roles import role_problems, unavailable
from disttrain.config.diagnostics import failure, problems_of
from disttrain.config.dump import plain_document
from disttrain.config.messages import escaped, nearest_file
from disttrain.config.paths import expanded
from disttrain.config.sections.config import Config
from disttrain.config.yaml import parser
from disttrain.config.yaml.overrides import applied
from disttrain.config.yaml.source_map import Located, Places, Problem, Source, Spot, locate
from disttrain.errors import ConfigError, Finding

__all__ = ["Loaded", "Rules", "load", "loads", "parse", "run_name"]

_SMALLEST = "the least is `distribution: gamma` and `data: {train: FILE, target: COLUMN, features: [COLUMN, COLUMN]}`"
Rules = Callable[[Mapping[str, Any]], Iterable[Problem]]


@dataclass(frozen=True)
class Loaded:
    """A config and where it came from: the file, its text byte for byte, and the folder that data paths are relative to."""

    config: Config
    path: Path | None
    text: bytes
    base: Path
    label: str = "config"
    places: Places = field(default_factory=dict, repr=False, compare=False)

    def finding(self, problem: Problem) -> Finding:
        """A problem as a finding that shows where in the file, or in which override, it lies."""
        return locate(self.places, problem, self.label).finding()


def load(path: Path | str, overrides: Sequence[str] = (), rules: Rules | None = None) -> Loaded:
    """The config file at `path`, with `KEY=VALUE` overrides set on top.

    `rules` looks at the raw document (after the overrides; parts of it may be malformed) and names further problems.
    Raises ConfigError with all problems at once, by line.
    """
    path = expanded(path)
    return _loaded(_bytes(path), str(path), path, path.parent, overrides, rules)


def loads(text: str, where: str = "config", base: Path | None = None, overrides: Sequence[str] = (), rules: Rules | None = None) -> Loaded:
    """The same for a text; `where` names it in messages, `base` (default: the working folder) is what data paths are relative to."""
    return _loaded(text.encode("utf-8", "surrogatepass"), where, None, Path.cwd() if base is None else base, overrides, rules)


def parse(document: Mapping[str, Any], overrides: Sequence[str] = (), rules: Rules | None = None) -> Config:
    """The config that a mapping of plain Python values stands for. Raises ConfigError with all problems at once, by dotted key."""
    return _checked(plain_document(document), {}, overrides, rules, "")[0]


def run_name(loaded: Loaded) -> str:
    """The name of a run of this config: as given, else the stem of its file, in characters that a folder may have."""
    stem = loaded.config.name or (loaded.path.stem if loaded.path else "run")
    return re.sub(r"[^\w.+ -]+", "-", stem)[:100].strip(" .-+") or "run"


def _loaded(data: bytes, label: str, path: Path | None, base: Path, overrides: Sequence[str], rules: Rules | None) -> Loaded:
    reading = parser.read(data)
    source = Source(label, reading.lines)
    if reading.faults:
        raise failure((Located(fault.problem, source, fault.span, ()) for fault in reading.faults), label)
    if reading.value is None and not overrides:
        problem = Problem((), "empty-config", "the config is empty", hints=(_SMALLEST,))
        raise failure([locate({}, problem, label)], label)
    places = {at: Spot(source, place) for at, place in reading.places.items()}
    document = {} if reading.value is None else reading.value
    if not isinstance(document, dict):
        problem = Problem(
            (), "wrong-type", "a config is a mapping of keys to values", hints=("it begins with `distribution:` and `data:`",)
        )
        raise failure([locate(places, problem, label)], label)
    places.pop((), None)
    config, final = _checked(document, places, overrides, rules, label)
    return Loaded(config, path, data, base, label, final)


def _checked(document: dict[str, Any], places: Places, overrides: Sequence[str], rules: Rules | None, label: str) -> tuple[Config, Places]:
    """The config of a raw document under overrides, and where its values stand."""
    found: list[Located] = []
    for order, argument in enumerate(overrides, 1):
        places, bad = applied(document, places, argument, order)
        found += bad
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
    found += [locate(places, problem, label) for problem in problems]
    if config is None or found:
        raise failure(found, label)
    return config, places


def _bytes(path: Path) -> bytes:
    """The content of a regular file, as far as a config can be long."""
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
    near = [file.name for file in sorted(folder.glob("*.y*ml"))[:1_000]] if os.path.isdir(folder) else []
    if meant := nearest_file(path.name, near) or (near[0] if len(near) == 1 else None):
        hints = (f"did you mean `{escaped(str(folder / meant))}`?",)
    return ConfigError(Finding("no-config", what, escaped(str(path)), hints=hints), summary="nothing was run")
