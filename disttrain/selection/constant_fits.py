"""Constant fits: the likelihood of a family without features, fast enough to try every family."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from disttrain.families import Family, Scaling
from disttrain.likelihood import cross_entropy
from disttrain.model import output_of
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome
from disttrain.parameter_settings import resolved
from disttrain.preparation.training_plan import constant_of
from disttrain.selection.binning import Bins, binned
from disttrain.training import RowTensors, marginal_raw

Array = NDArray[np.float64]

# About so many groups have the likelihood of 100,000 rows to 1e-5 nats, and the constants that are best for an eighth of them are as good
# on all of them, since near its best value the likelihood hardly moves.
_SCORED, _FITTED = 2_000, 250


@dataclass(frozen=True)
class Sample:
    """A column for all families: coarse bins to fit, and finer bins to score and to scale."""

    fitted: Bins
    scored: Bins

    @staticmethod
    def of(y: Array, weight: Array | None) -> Sample:
        """The bins of the numbers `y` (n,) with positive weights (n,)."""
        return Sample(binned(y, weight, _FITTED), binned(y, weight, _SCORED))

    def as_codes(self) -> Sample:
        """The sample with each value replaced by its index among the distinct values, of which there are few."""
        values = self.scored.values
        fitted, scored = (np.searchsorted(values, part).astype(np.float64) for part in (self.fitted.values, values))
        return Sample(Bins(fitted, self.fitted.weight), Bins(scored, self.scored.weight))


@dataclass(frozen=True)
class ConstantFit:
    """The constant model of a family at its maximum likelihood: nats per row, number of learned constants, parameters in target units.

    `mixed` is True if it gives a probability to one of the observed values and a density to the others.
    """

    nll: float
    constants: int
    parameters: Mapping[str, float | list[float]]
    mixed: bool


def shape_of(family: Family, numbers: Sample) -> ConstantFit:
    """Fit the constant model of `family` to numbers in its support."""
    settings = [resolved(parameter) for parameter in family.parameters]
    ranges = {one.parameter.name: one.activation.range for one in settings if one.learned}
    values, weight = (torch.from_numpy(column.copy()) for column in (numbers.scored.values, numbers.scored.weight))
    scaling = Scaling.of(family, ranges, values, weight)
    outputs = [output_of(family, one, scaling) for one in settings]
    fitted, scored = _rows_of(numbers.fitted, scaling), _rows_of(numbers.scored, scaling)
    raw = {name: value[None] for name, value in marginal_raw(family, outputs, fitted).items()}
    with torch.no_grad():
        distribution = family.distribution(**activated(outputs, raw, 1, logits=True), validate_args=False)
        nll = float(cross_entropy(distribution, scored.outcome, scored.weight)) + constant_of(family, scaling, scored)
        restored = scaling.restore(family, activated(outputs, raw, 1))
    parameters = {name: value[0].tolist() for name, value in restored.items()}
    return ConstantFit(nll, sum(map(constants_of, outputs)), parameters, bool(np.isin(numbers.scored.values, family.atoms).any()))


def _rows_of(groups: Bins, scaling: Scaling) -> RowTensors:
    outcome = Outcome.exact(scaling.apply(torch.from_numpy(groups.values.copy())))
    return RowTensors.without_inputs(outcome, torch.from_numpy(groups.weight.copy()))


def constants_of(output: Output) -> int:
    """The number of free constants of a constant parameter: K - 1 for K probabilities, 1 for an angle with two raw outputs."""
    shape = output.parameter.shape
    if output.fixed is not None:
        return 0
    if output.parameter.support.kind == "simplex":
        return math.prod(shape) - math.prod(shape[:-1])
    return math.prod(shape) if output.parameter.support.kind == "angle" else output.size
