"""What was observed of each row: its outcome, its conditions and its weight, checked against the family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from disttrain import data as rooms
from disttrain.config import Config
from disttrain.data import Origin, Schema, Target
from disttrain.errors import DataError, Finding
from disttrain.families import Family, build, needs, options
from disttrain.model import Model, conditions_of, family_of
from disttrain.networks import Conditions
from disttrain.outcomes import Outcome
from disttrain.preparation.load import is_label
from disttrain.preparation.target_checks import closed, require_between, require_inside

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Observed:
    """What was seen of n rows, in target units: the outcome of each (labels as codes), its conditions, and its weight (n,) or None."""

    family: Family
    labels: tuple[Any, ...] | None
    outcome: Outcome
    conditions: Conditions
    weight: Tensor | None

    def __len__(self) -> int:
        return len(self.outcome)

    def __getitem__(self, rows: Tensor) -> Observed:
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, outcome=self.outcome[rows], conditions=self.conditions[rows], weight=weight)

    @property
    def measured(self) -> Array:
        """The targets that were seen exactly, as numbers."""
        outcome = self.outcome
        values = outcome.value if outcome.kinds == {"exact"} else outcome.value[outcome.seen]
        return np.asarray(values.numpy())


def observed_of(model: Model, table: pa.Table, origin: Origin) -> Observed:
    """What was observed of rows that a model is to be scored on. Raises DataError as `observe` does."""
    return observe(model.config, model.schema, table, model.labels, origin)


def observe(
    config: Config, schema: Schema, table: pa.Table, labels: tuple[Any, ...] | None, origin: Origin, trained: Array | None = None
) -> Observed:
    """What was observed of the rows of a table; `labels` are those known already, `trained` says which rows are training rows.

    Raises DataError with rows where a target, weight, exposure, offset or trial is missing or not possible for the family.
    """
    outcome, found, reaching = _outcome_of(config, schema, table, labels, origin)
    family = family_of(config, found)
    # Of an entry the target's own message speaks, and an event is no number of the target's.
    ends = (schema.observed[part] for part in ("lower", "upper", "limit") if part in schema.observed)
    column = ", ".join(dict.fromkeys((*schema.target, *ends)))
    require_inside(family, column, outcome, reaching, origin, trained, _more_trials(config))
    conditions = conditions_of(schema, family, table, origin)
    require_between(family, column, outcome, conditions.given, origin)
    weight = weight_of(table, schema, origin)
    return Observed(family, found, outcome, conditions, None if weight is None else torch.from_numpy(weight))


def _outcome_of(
    config: Config, schema: Schema, table: pa.Table, labels: tuple[Any, ...] | None, origin: Origin
) -> tuple[Outcome, tuple[Any, ...] | None, Array | None]:
    """The outcome, the labels of its codes, and which intervals may reach out of the support (None: none), as those of rounding do."""
    if config.data.censoring is None:
        target = _target_of(config, table, schema, labels, origin)
        return Outcome.exact(torch.from_numpy(target.values)), target.labels, None
    seen = rooms.read_seen(table, schema, config.data.censoring, origin)
    lower, upper = torch.from_numpy(seen.lower), torch.from_numpy(seen.upper)
    entry, above = (None if part is None else torch.from_numpy(part) for part in (seen.entry, seen.above))
    return Outcome(lower, upper, entry, above=above), None, seen.measured


def _target_of(config: Config, table: pa.Table, schema: Schema, labels: tuple[Any, ...] | None, origin: Origin) -> Target:
    """The target of each row, as numbers, vectors or class codes, complete. Raises DataError with rows where it is missing or not finite.

    Shares of a whole are divided by their sum, which may be 1 % away from 1.
    """
    section = config.distribution
    vector = not is_label(config) and "targets" in needs(section.family, section.options)
    kind = "label" if is_label(config) else "vector" if vector else "number"
    ordered = "order" in options(section.family)
    given = section.options.get("order") if ordered and labels is None else labels
    target = rooms.read_target(table, schema.target, kind=kind, labels=given, origin=origin)
    rooms.require_complete(target, origin)
    if ordered and given is None and target.labels is not None and any(isinstance(label, str) for label in target.labels):
        _require_order(section.family, schema.target[0], target.labels, origin)
    if vector and build(section.family, {"targets": len(schema.target), **section.options}).support.kind == "simplex":
        return replace(target, values=closed(target.values, schema.target, section.family, origin))
    return target


def _more_trials(config: Config) -> tuple[str, ...]:
    """A hint for families that count successes out of trials, where the config names no column of them."""
    if config.data.trials is not None or "trials" not in needs(config.distribution.family, config.distribution.options):
        return ()
    return ("the number of trials of each row is a column, `data.trials`, or one number for all, `total_count`",)


def _require_order(family: str, column: str, labels: tuple[Any, ...], origin: Origin) -> None:
    """Raise DataError: the alphabet is no order of grades."""
    what = f"the labels of `{column}` are text, and {family} must know their order"
    hint = f"distribution: {{family: {family}, order: [{', '.join(map(str, labels[:10]))}]}}, from the lowest to the highest"
    raise DataError(Finding("no-order", what, rooms.column_place(origin.names[0], column), hints=(hint,)))


def weight_of(table: pa.Table, schema: Schema, origin: Origin) -> Array | None:
    """The weights of the rows, float64 (n,), or None where the config names none. Raises DataError where one is negative or missing."""
    if schema.weight is None:
        return None
    weight = rooms.read_weight(table, schema.weight, origin)
    rooms.require_weight(weight, schema.weight, origin)
    return weight
