"""The observations of each row: outcome, conditions and weight, checked against the family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from disttrain.config import Config
from disttrain.data import (
    BatchError,
    BatchFinding,
    Schema,
    Target,
    read_censored_target,
    read_target,
    read_weight,
    require_complete,
    require_weight,
)
from disttrain.families import Family, needs, options
from disttrain.model import Labels, Model, conditions_of, family_of
from disttrain.networks import Conditions
from disttrain.outcomes import Outcome
from disttrain.preparation.load import is_label
from disttrain.preparation.target_checks import closed, require_between, require_inside

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Observed:
    """The observations of n rows in target units: outcomes (labels as codes), conditions, and weights (n,) or None."""

    family: Family
    labels: Labels
    outcome: Outcome
    conditions: Conditions
    weight: Tensor | None

    def __len__(self) -> int:
        return len(self.outcome)

    def __getitem__(self, rows: Tensor) -> Observed:
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, outcome=self.outcome[rows], conditions=self.conditions[rows], weight=weight)

    @property
    def measured(self) -> Numbers:
        """The exact targets as numbers."""
        outcome = self.outcome
        values = outcome.value if outcome.kinds == {"exact"} else outcome.value[outcome.is_exact]
        return np.asarray(values.numpy())


def observed_of(model: Model, table: pa.Table) -> Observed:
    """The observations of rows to score a model on. Raises DataError as `observe` does."""
    return observe(model.config, model.schema, model.family, table, model.labels)


def observe(config: Config, schema: Schema, family: Family, table: pa.Table, labels: Labels, trained: Mask | None = None) -> Observed:
    """The observations of the rows of a table. `labels` are the known class labels, and `trained` (n,) is a mask of the training rows.

    Without known labels the classes are those of the table, and `family` is built again for their number.
    Raises DataError with the rows if a target, weight, exposure, offset or number of trials is missing or impossible for the family.
    """
    outcome, class_labels, reaching = _outcome_of(config, schema, family, table, labels)
    family = family if class_labels == labels else family_of(config, class_labels)
    # The columns of entry and event are left out: entries have their own message, and events are not target values.
    ends = (schema.observed[part] for part in ("lower", "upper", "limit") if part in schema.observed)
    column = ", ".join(dict.fromkeys((*schema.target, *ends)))
    require_inside(family, column, outcome, reaching, trained, _more_trials(config))
    conditions = conditions_of(schema, family, table)
    require_between(family, column, outcome, conditions.given)
    weight = weight_of(table, schema)
    return Observed(family, class_labels, outcome, conditions, None if weight is None else torch.from_numpy(weight))


def _outcome_of(config: Config, schema: Schema, family: Family, table: pa.Table, labels: Labels) -> tuple[Outcome, Labels, Mask | None]:
    """The outcome, its class labels, and a mask (n,) of the intervals that may extend beyond the support, as rounding allows; else None."""
    if config.data.censoring is None:
        target = _target_of(config, family, table, schema, labels)
        return Outcome.exact(torch.from_numpy(target.values)), target.labels, None
    intervals = read_censored_target(table, schema, config.data.censoring)
    lower, upper = torch.from_numpy(intervals.lower), torch.from_numpy(intervals.upper)
    entry, above = (None if part is None else torch.from_numpy(part) for part in (intervals.entry, intervals.above))
    return Outcome(lower, upper, entry, above=above), None, intervals.measured


def _target_of(config: Config, family: Family, table: pa.Table, schema: Schema, labels: Labels) -> Target:
    """The target of each row as numbers, vectors or class codes. Raises DataError with the rows if one is missing or not finite.

    Shares are divided by their sum, which may differ from 1 by 1 %.
    """
    section = config.distribution
    vector = not is_label(config) and "targets" in needs(section.family, section.options)
    kind = "label" if is_label(config) else "vector" if vector else "number"
    ordered = "order" in options(section.family)
    label_order = section.options.get("order") if ordered and labels is None else labels
    target = read_target(table, schema.target, kind=kind, labels=label_order)
    require_complete(target)
    if ordered and label_order is None and target.labels is not None and any(isinstance(label, str) for label in target.labels):
        _require_order(section.family, schema.target[0], target.labels)
    if vector and family.support.kind == "simplex":
        return replace(target, values=closed(target.values, schema.target, section.family))
    return target


def _more_trials(config: Config) -> tuple[str, ...]:
    """A hint for families of successes and trials if the config has no column of trials."""
    if config.data.trials is not None or "trials" not in needs(config.distribution.family, config.distribution.options):
        return ()
    return ("the number of trials of each row is a column, `data.trials`, or one number for all, `total_count`",)


def _require_order(family: str, column: str, labels: Sequence[str | int | bool]) -> None:
    """Raise DataError because an ordinal family needs an explicit order of text labels."""
    what = f"the labels of `{column}` are text, and {family} must know their order"
    hint = f"distribution: {{family: {family}, order: [{', '.join(map(str, labels[:10]))}]}}, from the lowest to the highest"
    raise BatchError(BatchFinding("no-order", what, column, hints=(hint,)))


def weight_of(table: pa.Table, schema: Schema) -> Numbers | None:
    """The weights of the rows, float64 (n,); None if the config has none. Raises DataError if one is negative or missing."""
    if schema.weight is None:
        return None
    weight = read_weight(table, schema.weight)
    require_weight(weight, schema.weight)
    return weight
