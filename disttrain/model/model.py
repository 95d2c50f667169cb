"""The model, which turns a row of features into a distribution of its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import config as configs
from disttrain import storage
from disttrain.config import Config, SplitSection
from disttrain.data import Encoder, Schema, within
from disttrain.errors import ConfigError, Finding, RunUnreadable
from disttrain.families import Family, Parameter, Scaling, equal_mixture, exposed
from disttrain.model.inference import encoded, raw_in_blocks
from disttrain.model.planning import Labels, family_of, layout_of, outputs_of, settings_of, trunk_dtype
from disttrain.model.row_inputs import conditions_of, standardised
from disttrain.networks import Conditions, Network, Output, activated
from disttrain.parameter_settings import ParameterSettings
from disttrain.storage import StoredModel

_NONE = Conditions()


@dataclass(frozen=True)
class Model:
    """A fitted network with the schema, the encoder and the scaling that it needs for features and targets in their own units.

    `labels` are the classes of a categorical target, `marginal` the raw outputs of the constant model, {name: raw_shape}.
    """

    config: Config
    schema: Schema
    encoder: Encoder
    family: Family
    labels: Labels
    outputs: tuple[Output, ...]
    scaling: Scaling
    network: Network
    marginal: Mapping[str, Any]

    def parameters(self, batch: pa.Table | pa.RecordBatch) -> dict[str, Tensor]:
        """The parameters of each row's distribution, in target units: {name: (n, *shape)}, of K > 1 members (n, K, *shape); float64.

        Raises DataError if a row's exposure, offset or given parameter is missing or not possible, or if its features are against the
        policy of the config.
        """
        return self.parameters_of(encoded(self.encoder, batch, trunk_dtype(self.config)), self.conditions(batch))

    def conditions(self, batch: pa.Table | pa.RecordBatch) -> Conditions:
        """The conditions of each row, in target units. Raises DataError with the rows whose conditions are not possible."""
        return conditions_of(self.schema, self.family, batch)

    @property
    def members(self) -> int:
        """The number of networks; the forecast is their mixture with equal weights."""
        return self.config.network.members

    @cached_property
    def forecaster(self) -> Family:
        """The family of the forecast: that of the config, or the equal mixture of one distribution from each member."""
        return self.family if self.members == 1 else equal_mixture(self.family, self.members)

    @cached_property
    def _settings(self) -> dict[str, ParameterSettings]:
        return settings_of(self.config, self.family)

    def parameters_of(self, x: Tensor, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """The parameters of encoded rows, in target units, from inputs (n, p) and conditions in target units."""
        standardised_parameters = raw_in_blocks(self.network, x, self.standardised(conditions))
        per_member = [
            self._restored({name: value[member] for name, value in standardised_parameters.items()}, conditions)
            for member in range(self.members)
        ]
        if self.members == 1:
            return per_member[0]
        return {name: torch.stack([parameters[name] for parameters in per_member], 1) for name in per_member[0]}

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

    def save(self, folder: Path, name: str, weights: Mapping[str, Tensor]) -> None:
        """Write model.json, with the levels of the heads, and the weights of its network into `folder`. Raises StorageError."""
        levels = {key: weights[key].double().sum(1).tolist() for key in self.network.named_levels()}
        learned = {key: value for key, value in weights.items() if key not in levels}
        storage.save(folder, self._description(name) | {"levels": levels}, learned)

    def _description(self, name: str) -> dict[str, Any]:
        # A model folder is moved alone, and does not reveal the location of its training data.
        nowhere = self.config.data.model_copy(update={"train": "unknown", "validation": None, "test": None, "split": SplitSection()})
        return {
            "run": name,
            "config": self.config.model_copy(update={"data": nowhere}).model_dump(mode="json"),
            "family": self.family.name,
            "parameters": {o.parameter.name: "fixed" if o.fixed is not None else o.activation.formula for o in self.outputs},
            "schema": self.schema.state(),
            "encoder": self.encoder.state(),
            "labels": None if self.labels is None else list(self.labels),
            "scaling": asdict(self.scaling),
            "marginal": {name: np.asarray(value).tolist() for name, value in self.marginal.items()},
        }

    @staticmethod
    def of(stored: StoredModel) -> Model:
        """The model of a model folder. Raises RunUnreadable if the files do not describe a valid model."""
        try:
            model = _planned(stored.description)
            levels = _levels(model.network, stored.description["levels"])
        except RunUnreadable as fault:
            where = str(stored.path / "model.json")
            raise RunUnreadable(*(replace(finding, where=f"{where} ({finding.where})") for finding in fault.findings)) from None
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as fault:
            raise RunUnreadable(
                Finding("damaged-model", f"model.json does not describe a model: {fault!r}"[:300], str(stored.path / "model.json"))
            ) from None
        expected = {name: (tuple(value.shape), value.dtype) for name, value in model.network.state_dict().items() if name not in levels}
        model.network.load_state_dict(storage.load_weights(stored, expected) | levels, assign=True)
        model.network.eval()
        return model


def _is_written(parameter: Parameter, index: tuple[int, ...]) -> bool:
    """True if an element of a parameter has a column: the elements above the diagonal of a triangle are 0."""
    return parameter.support.kind != "triangle" or index[-1] <= index[-2]


def _planned(description: Mapping[str, Any]) -> Model:
    """The model of a description, without its weights (they take no memory)."""
    config = configs.parse(description["config"])
    with within("encoder"):
        encoder = Encoder.from_state(description["encoder"])
    labels = None if description["labels"] is None else tuple(description["labels"])
    family = family_of(config, labels)
    scaling = Scaling.from_state(description["scaling"])
    outputs = outputs_of(config, family, encoder, scaling)
    marginal = {o.parameter.name: np.array(description["marginal"][o.parameter.name], dtype=float) for o in outputs if o.size}
    if not all(
        np.isfinite(marginal[o.parameter.name]).all() and marginal[o.parameter.name].shape == o.raw_shape for o in outputs if o.size
    ):
        raise ValueError("marginal outputs that are not finite")
    with torch.device("meta"):
        network = Network(layout_of(config, encoder), outputs, torch.Generator("cpu"))
        network.to(trunk_dtype(config))
    with within("schema"):
        schema = Schema.from_state(description["schema"])
    return Model(config, schema, encoder, family, labels, outputs, scaling, network, marginal)


def _levels(network: Network, described: Mapping[str, Any]) -> dict[str, Tensor]:
    """The levels of the heads from a description. Raises ValueError for a wrong shape or numbers that are not finite."""
    levels = {}
    for name, level in network.named_levels().items():
        members, _, size = level.parts.shape
        raw = torch.tensor(described[name], dtype=torch.float64)
        if raw.shape != (members, size) or not bool(raw.isfinite().all()):
            raise ValueError(f"{name} is no level of this network")
        levels[name] = level.split(raw)
    return levels
