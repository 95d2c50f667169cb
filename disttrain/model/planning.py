"""The parts of a model from a config: its family, the outputs of its network, its scaling and the plan of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from disttrain.config import Config, ParameterSection
from disttrain.data import Encoder
from disttrain.families import Family, Scaling, bounded, build
from disttrain.networks import CategoryCodes, Layout, Output
from disttrain.parameter_settings import ParameterSettings, is_number, resolved

Labels = tuple[str | int | bool, ...] | None
_NO_COLUMNS: Mapping[str, Iterable[int]] = MappingProxyType({})


def family_of(config: Config, labels: Labels) -> Family:
    """The family of a config, for a target with these class labels."""
    table_options = {"classes": 0 if labels is None else len(labels), "targets": len(config.data.targets), "trials": config.data.trials}
    return build(config.distribution.family, {**table_options, **config.distribution.options})


def settings_of(config: Config, family: Family) -> dict[str, ParameterSettings]:
    """The settings of every parameter of the family, by name, from the parameter blocks of the config."""
    sections, default = config.distribution.parameters, ParameterSection()
    blocks = {parameter: sections.get(parameter.name, default) for parameter in family.parameters}
    return {
        parameter.name: resolved(parameter, block.activation, block.fixed, block.bounds, block.features, block.hidden)
        for parameter, block in blocks.items()
    }


def scaling_of(config: Config, family: Family, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None) -> Scaling:
    """The scaling of training targets `y` (n, *event) with weights (n,) and exposures (n,), by the learned parameters.

    There is none if a column is added to the raw output of a mean, because the activation would give another mean in another unit. Counts,
    and targets with a dispersion that the config sets in the target's unit, are scaled by their level only.
    """
    settings = settings_of(config, family)
    learned = {name: one.activation for name, one in settings.items() if family.parameter(name).given is not None or one.fixed is None}
    in_target_units = [name for name, one in settings.items() if name not in learned or one.bounds is not None]
    moved = {family.parameter(name).role for name in config.data.offset or () if learned[name].adds == "raw"} - {"shape", None}
    if "mean" in moved:
        return Scaling()
    if moved or any(family.parameter(name).role == "dispersion" for name in in_target_units):
        return Scaling.at_level(family, y, weight, exposure)
    return Scaling.of(family, {name: activation.range for name, activation in learned.items()}, y, weight, exposure)


def outputs_of(config: Config, family: Family, encoder: Encoder, scaling: Scaling) -> tuple[Output, ...]:
    """One output per parameter of the family, by the parameter blocks of the config."""
    widths = {name: range(encoder.width)[part] for name, part in encoder.slices.items()}
    return tuple(output_of(family, settings, scaling, widths) for settings in settings_of(config, family).values())


def output_of(family: Family, settings: ParameterSettings, scaling: Scaling, columns: Mapping[str, Iterable[int]] = _NO_COLUMNS) -> Output:
    """The output of one parameter in units of the standardised target; `columns` are the encoded columns of each feature."""
    parameter = settings.parameter
    activation = scaling.activation(parameter, settings.activation)
    if not settings.learned:
        value = settings.fixed
        return Output(parameter, activation, fixed=scaling.reduce(family, parameter.name, value) if is_number(value) else value)
    if settings.bounds is not None:
        low, high = (None if bound is None else scaling.reduce(family, parameter.name, bound) for bound in settings.bounds)
        activation = bounded(activation, low, high)
    features = settings.features
    chosen = None if features is None else tuple(sorted(column for feature in features for column in columns[feature]))
    return Output(parameter, activation, columns=chosen, hidden=settings.hidden)


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
