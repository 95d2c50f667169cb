"""The scores of each row as a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from disttrain import metrics
from disttrain.data import boolean_column, chosen_texts, float_column, integer_column
from disttrain.evaluation.row_scores import generator_at
from disttrain.metrics import METRICS
from disttrain.model import Model
from disttrain.outcomes import Outcome


def row_table(model: Model, row: NDArray[np.int64], first: int, distribution: Distribution, outcome: Outcome) -> pa.Table:
    """The position, target and scores of each row. `first` is the number of rows before them."""
    columns = {"row": integer_column(row), **_targets(model, outcome), "nll": _column(metrics.nll(distribution, outcome))}
    if METRICS["pit"].applies(distribution, outcome):
        columns["pit"] = _column(metrics.pit(distribution, outcome, generator_at(first)))
        columns["quantile_residual"] = _column(metrics.quantile_residuals(distribution, outcome, generator_at(first)))
    if METRICS["crps"].applies(distribution, outcome):
        columns["crps"] = _column(metrics.crps(distribution, outcome))
    return pa.Table.from_arrays(list(columns.values()), list(columns))


def _targets(model: Model, outcome: Outcome) -> dict[str, pa.Array]:
    """The targets as columns: labels by name, and one column per element of a vector.

    Censored targets have both ends, and `target_above` if an event of 0 means that the target is larger than its lower end.
    """
    y = outcome.value
    if outcome.kinds != {"exact"}:
        above = {} if outcome.above is None else {"target_above": boolean_column(outcome.above.numpy())}
        return {"target_lower": _column(outcome.lower), "target_upper": _column(outcome.upper), **above}
    if model.family.event:
        return {f"target_{name}": _column(column) for name, column in zip(model.schema.target, y.unbind(1), strict=True)}
    return {"target": _column(y) if model.labels is None else chosen_texts([str(label) for label in model.labels], y.long().numpy())}


def _column(values: Tensor) -> pa.Array:
    numbers = values.double().numpy()
    return float_column(numbers, np.isnan(numbers))
