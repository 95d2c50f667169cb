"""Model: everything that turns a row of features into a distribution of its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
from disttrain.config import Config
from disttrain.data import Encoder, Origin, Schema
from disttrain.errors import ConfigError, Finding, RunUnreadable
from disttrain.families import Activation, Family, Parameter, Scaling, activation_for, bounded, build
from disttrain.networks import CategoryCodes, Layout, Network, Output
from disttrain.storage import StoredModel

__all__ = ["Model", "encoded", "family_of", "layout_of", "outputs_of", "scaling_of", "trunk_dtype"]

# Every product is computed for exactly this many rows, so that a row's prediction does not depend on the rows around it.
BLOCK = 4096
Labels = tuple[str | int | bool, ...] | None


@dataclass(frozen=True)
class Model:
    """A fitted network with all it needs to read features and to speak in target units.

    `labels` names the classes of a categorical target, `marginal` holds the parameters of the constant model in target units.
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
        """The parameters of each row's distribution, in target units: {name: (n, *shape)}, float64, on the CPU."""
        return self.parameters_of(encoded(self.encoder, batch, trunk_dtype(self.config)))

    def parameters_of(self, x: Tensor) -> dict[str, Tensor]:
        """The same for rows that are encoded already: (n, p) inputs."""
        made = self.scaling.restore(self.family, _in_blocks(self.network, x))
        sections = self.config.distribution.parameters
        fixed: dict[str, Any] = {parameter.name: parameter.given for parameter in self.family.parameters if parameter.given is not None}
        fixed |= {name: section.fixed for name, section in sections.items() if section.fixed is not None}
        # As given: standardised and back again, 3.0 would be 2.9999999999999996.
        return made | {name: torch.full_like(made[name], value) for name, value in fixed.items() if isinstance(value, float | int)}

    def distribution(self, batch: pa.Table | pa.RecordBatch) -> Distribution:
        """The distribution of each row's target: batch shape (n,)."""
        return self.family.distribution(**self.parameters(batch), validate_args=False)

    def baseline(self, rows: int) -> Distribution:
        """The marginal distribution, the same for all of `rows` rows."""
        made = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in self.marginal.items()}
        return self.family.distribution(**{name: value.expand(rows, *value.shape) for name, value in made.items()}, validate_args=False)

    def columns(self) -> tuple[str, ...]:
        """The names of the numbers that say a row's distribution, as they are written: `loc`, or `probs_setosa` for one of a vector."""
        return tuple(name for parameter in self.family.parameters for name in self.columns_of(parameter.name))

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The written names of one parameter."""
        parameter = self.family.parameter(name)
        ends = [self._ends(axis, size) for axis, size in zip(parameter.axes or ("",) * len(parameter.shape), parameter.shape, strict=True)]
        places = [place for place in product(*(range(size) for size in parameter.shape)) if _is_written(parameter, place)]
        return tuple("_".join([parameter.column or name, *(axis[at] for axis, at in zip(ends, place, strict=True))]) for place in places)

    def _ends(self, axis: str, size: int) -> tuple[str, ...]:
        """What the places along an axis of a parameter are called."""
        names = {"classes": self.labels, "targets": self.schema.target}.get(axis)
        return tuple(map(str, names if names is not None and len(names) == size else range(size)))

    def save(self, folder: Path, name: str, weights: Mapping[str, Tensor]) -> None:
        """Write model.json and the given weights of its network into `folder`. Raises StorageError."""
        storage.save(folder, self._description(name), weights)

    def _description(self, name: str) -> dict[str, Any]:
        # A model folder travels alone: where its training data lay is nobody's business.
        nowhere = self.config.data.model_copy(update={"train": "unknown", "validation": None, "test": None})
        return {
            "run": name,
            "config": self.config.model_copy(update={"data": nowhere}).model_dump(mode="json"),
            "family": self.family.name,
            "parameters": {o.parameter.name: "fixed" if o.fixed is not None else o.activation.formula for o in self.outputs},
            "schema": self.schema.state(),
            "encoder": self.encoder.state(),
            "labels": None if self.labels is None else list(self.labels),
            "scaling": asdict(self.scaling),
            "marginal": dict(self.marginal),
        }

    @staticmethod
    def of(stored: StoredModel) -> Model:
        """The model of a model folder, checked before anything in it is believed. Raises RunUnreadable."""
        try:
            model = _planned(stored.description)
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as fault:
            raise RunUnreadable(
                Finding("damaged-model", f"model.json does not describe a model: {fault!r}"[:300], str(stored.path / "model.json"))
            ) from None
        expected = {name: (tuple(value.shape), value.dtype) for name, value in model.network.state_dict().items()}
        model.network.load_state_dict(storage.load_weights(stored, expected), assign=True)
        model.network.eval()
        return model


def _is_written(parameter: Parameter, place: tuple[int, ...]) -> bool:
    """Whether an element of a parameter says anything: those above the diagonal of a triangle are 0."""
    return parameter.support.kind != "triangle" or place[-1] <= place[-2]


def _planned(description: Mapping[str, Any]) -> Model:
    """The model of a description, its weights not there yet (they cost no memory)."""
    config = configs.parse(description["config"])
    encoder = Encoder.from_state(description["encoder"])
    labels = None if description["labels"] is None else tuple(description["labels"])
    family = family_of(config, labels)
    scaling = Scaling.from_state(description["scaling"])
    outputs = outputs_of(config, family, encoder, scaling)
    marginal = {parameter.name: description["marginal"][parameter.name] for parameter in family.parameters}
    if not all(np.isfinite(np.asarray(value, dtype=float)).all() for value in marginal.values()):
        raise ValueError("marginal parameters that are not finite")
    with torch.device("meta"):
        network = Network(layout_of(config, encoder), outputs, torch.Generator("cpu"), autocast=config.training.precision == "bfloat16")
        network.to(trunk_dtype(config))
    schema = Schema.from_state(description["schema"])
    return Model(config, schema, encoder, family, labels, outputs, scaling, network, marginal)


def family_of(config: Config, labels: Labels) -> Family:
    """The family that a config names, for a target with these class labels."""
    known = {"classes": 0 if labels is None else len(labels), "targets": len(config.data.targets)}
    return build(config.distribution.family, {**known, **config.distribution.options})


def _activation(config: Config, family: Family, name: str) -> Activation:
    section = config.distribution.parameters.get(name)
    return activation_for(family.parameter(name), None if section is None else section.activation)


def scaling_of(config: Config, family: Family, y: Tensor) -> Scaling:
    """How to standardise training targets `y` (n,), given which parameters are learned through which activations."""
    fixed = {name for name, section in config.distribution.parameters.items() if section.fixed is not None}
    ranges = {p.name: _activation(config, family, p.name).range for p in family.parameters if p.name not in fixed}
    return Scaling.of(family, ranges, y)


def outputs_of(config: Config, family: Family, encoder: Encoder, scaling: Scaling) -> tuple[Output, ...]:
    """One output per parameter of the family, as the config's parameter blocks have them."""
    return tuple(_output(config, family, encoder, scaling, parameter.name) for parameter in family.parameters)


def _output(config: Config, family: Family, encoder: Encoder, scaling: Scaling, name: str) -> Output:
    parameter, activation = family.parameter(name), _activation(config, family, name)
    section = config.distribution.parameters.get(name)
    if parameter.given is not None:
        return Output(parameter, activation, fixed=scaling.reduce(family, name, parameter.given))
    columns: tuple[int, ...] | None = () if parameter.constant else None
    if section is None:
        return Output(parameter, activation, columns=columns)
    if section.fixed is not None:
        value = section.fixed
        fixed = tuple(value) if isinstance(value, list | tuple) else scaling.reduce(family, name, value)
        return Output(parameter, activation, fixed=fixed)
    if section.bounds is not None:
        inside = [None if bound is None else scaling.reduce(family, name, bound) for bound in section.bounds]
        activation = bounded(activation, inside[0], inside[1])
    if section.features is not None:
        columns = tuple(sorted(c for feature in section.features for c in range(encoder.width)[encoder.slices[feature]]))
    return Output(parameter, activation, columns=columns, hidden=tuple(section.hidden or ()))


def layout_of(config: Config, encoder: Encoder) -> Layout:
    """The plan of the network that a config asks for over an encoder's columns."""
    network = config.network
    return Layout(
        encoder.width,
        tuple(CategoryCodes(code.column, code.categories, code.dimensions) for code in encoder.embeddings),
        tuple(network.hidden),
        network.activation,
        network.normalization,
        network.dropout,
        network.residual,
        network.heads == "separate",
    )


def trunk_dtype(config: Config) -> torch.dtype:
    """The dtype of weights and inputs; under bfloat16 the weights stay float32 and only products are cast."""
    return torch.float64 if config.training.precision == "float64" else torch.float32


def encoded(encoder: Encoder, batch: pa.Table | pa.RecordBatch, dtype: torch.dtype, origin: Origin | None = None) -> Tensor:
    """Encoded inputs (n, p): standardised in float64, then cast; block by block, so that only the result is large."""
    x = torch.empty(batch.num_rows, encoder.width, dtype=dtype)
    for start in range(0, batch.num_rows, 16 * BLOCK):
        part = batch.slice(start, 16 * BLOCK)
        x[start : start + part.num_rows] = torch.from_numpy(encoder.features(part, _part_of(origin, start, part.num_rows)))
    return x


def _part_of(origin: Origin | None, start: int, rows: int) -> Origin | None:
    if origin is None or origin.positions is None:
        return origin if origin is None else origin.at(origin.first + start)
    return origin.rows(origin.positions[start : start + rows])


def _in_blocks(network: Network, x: Tensor) -> dict[str, Tensor]:
    network.eval()
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    parts: dict[str, list[Tensor]] = {output.parameter.name: [] for output in network.outputs}
    with torch.no_grad():
        for start in range(0, max(len(x), 1), BLOCK):
            block = x[start : start + BLOCK]
            padded = torch.nn.functional.pad(block, (0, 0, 0, BLOCK - len(block))).to(device)
            for name, value in network(padded).items():
                parts[name].append(value[: len(block)].detach().cpu().double())
    return {name: torch.cat(values) for name, values in parts.items()}
