"""The configs of trials: the config of a selection with another distribution, and one fold as the test rows."""

from __future__ import annotations

from collections.abc import Mapping

from disttrain.config import ColumnSplit, FoldSplit, Loaded, Problem, Yaml, dump_document, loads, run_name
from disttrain.errors import ConfigError
from disttrain.validation.distribution import distribution_problems


def distribution_of(loaded: Loaded) -> dict[str, Yaml]:
    """The `distribution` block of a config in its long form, with the keys that are set."""
    section = loaded.config.distribution
    document: dict[str, Yaml] = section.model_dump(mode="json", exclude_unset=True, exclude_none=True, warnings=False)
    if not document.get("parameters"):
        document.pop("parameters", None)
    return document


def fold_of(loaded: Loaded, fold: int, folds: int) -> dict[str, Yaml]:
    """The value of `data.test` for one fold. The test rows of the config are in no fold. Raises ConfigError if they are a fold already."""
    test = loaded.config.data.test
    if isinstance(test, FoldSplit):
        hints = ("leave `data.test` out, or hold out a share, a file or the values of a column",)
        problem = Problem(("data", "test"), "conflict", "`select` makes folds itself, and `data.test` is one", hints=hints)
        raise ConfigError(loaded.finding(problem), summary="nothing was run")
    document: dict[str, Yaml] = {"fold": fold, "folds": folds}
    if isinstance(test, float):
        document["without"] = test
    elif isinstance(test, ColumnSplit):
        document["without"] = test.model_dump(mode="json")
    return document


def trial_text(loaded: Loaded, distribution: Mapping[str, Yaml], test: Mapping[str, Yaml]) -> str:
    """The config as YAML with another `distribution` block and other test rows; it writes and scores only what a comparison needs."""
    document = loaded.config.model_dump(mode="json", warnings=False)
    document |= {"name": run_name(loaded), "distribution": dict(distribution)}
    document["data"]["test"] = dict(test)
    document["evaluation"] = {"metrics": ["nll"]}
    document["predictions"] = {"columns": ["parameters"], "splits": ["test"]}
    return dump_document(document)


def trial_config(loaded: Loaded, distribution: Mapping[str, Yaml], test: Mapping[str, Yaml], *, checked: bool = True) -> Loaded:
    """The config of `trial_text`. Raises ConfigError if the distribution does not suit it; without `checked`, this is not looked at."""
    text = trial_text(loaded, distribution, test)
    return loads(text, loaded.label, loaded.base, (), distribution_problems if checked else None)
