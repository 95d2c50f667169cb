"""The model, which turns a row of features into a distribution of its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from disttrain.config import Config
from disttrain.data import Encoder, Schema
from disttrain.families import Family, Parameter, Scaling, exposed, weighted_mixture
from disttrain.families.pooling import pooled
from disttrain.model.inference import encoded, raw_in_blocks
from disttrain.model.planning import Labels, settings_of, trunk_dtype
from disttrain.model.row_inputs import conditions_of, standardised
from disttrain.networks import Conditions, Network, Output, activated
from disttrain.parameter_settings import ParameterSettings

_NONE = Conditions()


@dataclass(frozen=True)
class Model:
    """A fitted network with the schema, the encoder and the scaling that it needs for features and targets in their own units.

    `labels` are the classes of a categorical target, `marginal` the raw outputs of the constant model, {name: raw_shape}, and
    `marginal_share` is its weight in the forecast, the defensive mixture (1 - ε) q + ε m. Then no row costs more nats than the constant
    model - log ε. Source: Hesterberg (1995), Weighted average importance sampling and defensive mixture distributions, Technometrics 37.
    """

    config: Config
    schema: Schema
    encoder: Encoder
    family: Family
    labels: Labels
    outputs: tuple[Output, ...]
    scaling: Scaling
    network: Network
    marginal: Mapping[str, NDArray[np.float64]]
    marginal_share: float = 0.0

    def parameters(self, batch: pa.Table | pa.RecordBatch) -> dict[str, Tensor]:
        """The parameters of each row's forecast, in target units: {name: (n, *shape)}, of K > 1 components (n, K, *shape); float64.

        Raises DataError if a row's exposure, offset or given parameter is missing or not possible, or if its features are against the
        policy of the config.
        """
        return self.parameters_of(encoded(self.encoder, batch, trunk_dtype(self.config)), self.conditions(batch))

    def conditions(self, batch: pa.Table | pa.RecordBatch) -> Conditions:
        """The conditions of each row, in target units. Raises DataError with the rows whose conditions are not possible."""
        return conditions_of(self.schema, self.family, batch)

    @property
    def members(self) -> int:
        """The number of networks."""
        return self.config.network.members

    @property
    def components(self) -> int:
        """The number of distributions that the networks give each row: one of each member, or one into which these are pooled."""
        return 1 if self.config.network.pooling == "family" else self.members

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """The weights of the distributions in the forecast: those of the networks, and last the constant model where it has a share."""
        share = self.marginal_share
        return ((1.0 - share) / self.components,) * self.components + ((share,) if share else ())

    @cached_property
    def forecaster(self) -> Family:
        """The family of the forecast: that of the config, or a mixture of several of its distributions."""
        return self.family if len(self.weights) == 1 else weighted_mixture(self.family, self.weights)

    @cached_property
    def _settings(self) -> dict[str, ParameterSettings]:
        return settings_of(self.config, self.family)

    def parameters_of(self, x: Tensor, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """The parameters of the forecast of encoded rows, in target units, from inputs (n, p) and conditions in target units."""
        components = self.member_parameters(x, conditions)
        if self.components < len(components):
            components = [self._pooled(_stacked(components), conditions)]
        if self.marginal_share:
            components.append(self.marginal_parameters(len(x), conditions))
        return components[0] if len(components) == 1 else _stacked(components)

    def member_parameters(self, x: Tensor, conditions: Conditions = _NONE) -> list[dict[str, Tensor]]:
        """The parameters of encoded rows by each member, in target units: {name: (n, *shape)}."""
        standardised_parameters = raw_in_blocks(self.network, x, self.standardised(conditions))
        return [
            self._restored({name: value[member] for name, value in standardised_parameters.items()}, conditions)
            for member in range(self.members)
        ]

    def _pooled(self, parameters: Mapping[str, Tensor], conditions: Conditions) -> dict[str, Tensor]:
        """One distribution per row from those of the members, {name: (n, K, *shape)}; parameters stay within their bounds."""
        fixed = [name for name, settings in self._settings.items() if settings.fixed is not None and settings.parameter.given is None]
        result = pooled(self.family, parameters, fixed)
        for name, settings in self._settings.items():
            for bound, clamp in zip(settings.bounds or (), (torch.maximum, torch.minimum), strict=False):
                if bound is not None:
                    limit = torch.full_like(result[name], bound)
                    limit = limit if conditions.exposure is None else exposed(settings.parameter, limit, conditions.exposure)
                    result[name] = clamp(result[name], limit)
        return result

    def of_networks(self, value: Tensor) -> Tensor:
        """The part of a parameter of the forecast that the networks give: (n, *shape), of K > 1 components (n, K, *shape)."""
        if not self.marginal_share:
            return value
        return value[:, 0] if self.components == 1 else value[:, : self.components]

    def standardised(self, conditions: Conditions) -> Conditions:
        """Conditions in target units as conditions of the standardised target."""
        return standardised(conditions, self.family, self.outputs, self.scaling)

    def marginal_parameters(self, rows: int, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """The parameters of the constant model for `rows` rows under their conditions, in target units: {name: (rows, *shape)}."""
        raw = {name: torch.as_tensor(value, dtype=torch.float64).expand(rows, *np.shape(value)) for name, value in self.marginal.items()}
        return self._restored(activated(self.outputs, raw, rows, self.standardised(conditions)), conditions)

    def _restored(self, parameters: Mapping[str, Tensor], conditions: Conditions) -> dict[str, Tensor]:
        """Parameters of the standardised target in target units.

        Fixed and given parameters keep their exact value: by the scaling and back, 3.0 becomes 2.9999999999999996.
        """
        restored = self.scaling.restore(self.family, parameters)
        for name, settings in self._settings.items():
            if isinstance(settings.fixed, float | int):
                value = torch.full_like(restored[name], settings.fixed)
                restored[name] = value if conditions.exposure is None else exposed(settings.parameter, value, conditions.exposure)
        return restored | dict(conditions.given)

    def distribution(self, batch: pa.Table | pa.RecordBatch) -> Distribution:
        """The distribution of each row's target: batch shape (n,). Raises DataError as `parameters` does."""
        return self.forecaster.distribution(**self.parameters(batch), validate_args=False)

    def example(self) -> Distribution:
        """The marginal distribution of one row, which shows the methods of the family; a parameter that a column gives is 1."""
        columns = {name: torch.ones(1, dtype=torch.float64) for name in self.family.by_column}
        return self.family.distribution(**self.marginal_parameters(1, Conditions(given=columns)), validate_args=False)

    def columns(self) -> tuple[str, ...]:
        """The names of the columns of the parameters: `loc`, or `probs_setosa` for an element of a vector."""
        return tuple(name for parameter in self.family.parameters for name in self.columns_of(parameter.name))

    def marginal_columns(self) -> tuple[str, ...]:
        """The names of the columns of the constant model's parameters: none where it has no share, or where all rows have the same ones."""
        if not self.marginal_share or not self.schema.row_inputs:
            return ()
        return tuple(f"marginal_{name}" for name in self.columns())

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The names of the columns of one parameter."""
        parameter = self.family.parameter(name)
        ends = [self._ends(axis, size) for axis, size in zip(parameter.axes or ("",) * len(parameter.shape), parameter.shape, strict=True)]
        indices = [index for index in product(*(range(size) for size in parameter.shape)) if _is_written(parameter, index)]
        stem = self.forecaster.parameter(name).column or name
        return tuple("_".join([stem, *(axis[i] for axis, i in zip(ends, index, strict=True))]) for index in indices)

    def _ends(self, axis: str, size: int) -> tuple[str, ...]:
        """The names of the positions along an axis of a parameter."""
        names = {"classes": self.labels, "targets": self.schema.target}.get(axis)
        return tuple(map(str, names if names is not None and len(names) == size else range(size)))


def _stacked(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The parameters of K distributions in one tensor each, {name: (n, K, *shape)}."""
    return {name: torch.stack([parameters[name] for parameters in parts], 1) for name in parts[0]}


def _is_written(parameter: Parameter, index: tuple[int, ...]) -> bool:
    """True if an element of a parameter has a column: the elements above the diagonal of a triangle are 0."""
    return parameter.support.kind != "triangle" or index[-1] <= index[-2]
