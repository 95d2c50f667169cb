"""The parts of a model from a config: its family, the outputs of its network, its scaling and the plan of its layers."""

from __future__ import annotations

import torch
from torch import Tensor

from disttrain.config import Config
from disttrain.data import Encoder
from disttrain.families import Activation, Family, Scaling, activation_for, bounded, build
from disttrain.networks import CategoryCodes, Layout, Output

Labels = tuple[str | int | bool, ...] | None


def family_of(config: Config, labels: Labels) -> Family:
    """The family of a config, for a target with these class labels."""
    table_options = {"classes": 0 if labels is None else len(labels), "targets": len(config.data.targets), "trials": config.data.trials}
    return build(config.distribution.family, {**table_options, **config.distribution.options})


def _activation(config: Config, family: Family, name: str) -> Activation:
    section = config.distribution.parameters.get(name)
    return activation_for(family.parameter(name), None if section is None else section.activation)


def scaling_of(config: Config, family: Family, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None) -> Scaling:
    """The scaling of training targets `y` (n, *event) with weights (n,) and exposures (n,), by the learned parameters.

    There is none if a column is added to the raw output of a mean, because the activation would give another mean in another unit. Counts,
    and targets with a dispersion that the config sets in the target's unit, are scaled by their level only.
    """
    fixed = {name for name, section in config.distribution.parameters.items() if section.fixed is not None}
    in_target_units = {name for name, section in config.distribution.parameters.items() if name in fixed or section.bounds is not None}
    learned = {p.name: _activation(config, family, p.name) for p in family.parameters if p.name not in fixed}
    moved = {family.parameter(name).role for name in config.data.offset or () if learned[name].adds == "raw"} - {"shape", None}
    if "mean" in moved:
        return Scaling()
    if moved or any(family.parameter(name).role == "dispersion" for name in in_target_units):
        return Scaling.at_level(family, y, weight, exposure)
    return Scaling.of(family, {name: activation.range for name, activation in learned.items()}, y, weight, exposure)


def outputs_of(config: Config, family: Family, encoder: Encoder, scaling: Scaling) -> tuple[Output, ...]:
    """One output per parameter of the family, by the parameter blocks of the config."""
    return tuple(_output(config, family, encoder, scaling, parameter.name) for parameter in family.parameters)


def _output(config: Config, family: Family, encoder: Encoder, scaling: Scaling, name: str) -> Output:
    parameter = family.parameter(name)
    activation = scaling.activation(parameter, _activation(config, family, name))
    section = config.distribution.parameters.get(name)
    if isinstance(parameter.given, str):
        return Output(parameter, activation)
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
    """The plan of the network of a config over the columns of an encoder."""
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
        network.members,
        encoder.numbers,
        network.numeric_embedding,
        network.linear_path,
    )


def trunk_dtype(config: Config) -> torch.dtype:
    """The dtype of weights and inputs; with bfloat16 the weights stay float32 and only products are cast."""
    return torch.float64 if config.training.precision == "float64" else torch.float32
