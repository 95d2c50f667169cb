"""From a config to the parts of a model: its family, the outputs of its network, its scaling, the plan of its layers."""

from __future__ import annotations

import torch
from torch import Tensor

from disttrain.config import Config
from disttrain.data import Encoder
from disttrain.families import Activation, Family, Scaling, activation_for, bounded, build
from disttrain.networks import CategoryCodes, Layout, Output

__all__ = ["Labels", "family_of", "layout_of", "outputs_of", "scaling_of", "trunk_dtype"]

Labels = tuple[str | int | bool, ...] | None


def family_of(config: Config, labels: Labels) -> Family:
    """The family that a config names, for a target with these class labels."""
    known = {"classes": 0 if labels is None else len(labels), "targets": len(config.data.targets), "trials": config.data.trials}
    return build(config.distribution.family, {**known, **config.distribution.options})


def _activation(config: Config, family: Family, name: str) -> Activation:
    section = config.distribution.parameters.get(name)
    return activation_for(family.parameter(name), None if section is None else section.activation)


def scaling_of(config: Config, family: Family, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None) -> Scaling:
    """How to standardise training targets `y` (n, *event) of the given weights (n,) and exposures (n,), as the parameters are learned.

    Not at all where a column is added to a raw output whose activation would make something else of it in another unit; and counts, as
    well as targets with a dispersion that is told in their own unit, only at their level.
    """
    fixed = {name for name, section in config.distribution.parameters.items() if section.fixed is not None}
    told = {name for name, section in config.distribution.parameters.items() if name in fixed or section.bounds is not None}
    learned = {p.name: _activation(config, family, p.name) for p in family.parameters if p.name not in fixed}
    moved = {family.parameter(name).role for name in config.data.offset or () if learned[name].adds == "raw"} - {"shape", None}
    if "mean" in moved:
        return Scaling()
    if moved or any(family.parameter(name).role == "dispersion" for name in told):
        return Scaling.at_level(family, y, weight, exposure)
    return Scaling.of(family, {name: activation.range for name, activation in learned.items()}, y, weight, exposure)


def outputs_of(config: Config, family: Family, encoder: Encoder, scaling: Scaling) -> tuple[Output, ...]:
    """One output per parameter of the family, as the config's parameter blocks have them."""
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
        network.members,
        encoder.numbers,
        network.numeric_embedding,
        network.linear_path,
    )


def trunk_dtype(config: Config) -> torch.dtype:
    """The dtype of weights and inputs; under bfloat16 the weights stay float32 and only products are cast."""
    return torch.float64 if config.training.precision == "float64" else torch.float32
