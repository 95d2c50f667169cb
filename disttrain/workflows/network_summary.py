"""The network of each parameter as text: its features, its layers, and the parameters that share them."""

from __future__ import annotations

from collections.abc import Sequence

from disttrain.config import Config
from disttrain.model import Model
from disttrain.networks import Output


def summary_of(model: Model) -> str:
    """The network as one chain: `11 inputs -> [64, 64] -> concentration, rate`."""
    names = ", ".join(output.parameter.name for output in model.outputs if output.size)
    embedding = embedding_text(model.config)
    embedding = f", numbers {embedding}" if embedding else ""
    return f"{model.encoder.width} inputs{embedding} -> {list(model.config.network.hidden)}{linear_path_text(model.config)} -> {names}"


def embedding_text(config: Config) -> str:
    """The numeric embedding as text; empty if there is none."""
    words = {"none": "", "both": "periodic and piecewise_linear"}
    return words.get(config.network.numeric_embedding, config.network.numeric_embedding)


def linear_path_text(config: Config) -> str:
    """The linear path beside the hidden layers as text; empty if there is none."""
    return " + linear path" if config.network.linear_path else ""


def count_of(model: Model) -> str:
    """The number of learned weights of all members as text, with the number of members if there are several."""
    weights = f"{model.network.size():,} weights"
    return weights if model.members == 1 else f"{model.members} members, {weights}"


def parameter_networks(model: Model) -> dict[str, str]:
    """The network of each parameter, {name: text}; empty if all learned parameters share one network without offsets."""
    network, offsets = model.config.network, model.config.data.offset
    learned = [output for output in model.outputs if output.size]
    one_network = len({(output.columns, output.hidden) for output in learned}) == 1 and learned[0].columns is None and not learned[0].hidden
    if one_network and not offsets and (network.heads == "shared" or len(learned) == 1):
        return {}
    return {output.parameter.name: parameter_network(model, output) for output in model.outputs}


def parameter_network(model: Model, output: Output) -> str:
    """The network of one parameter as text: a fixed value, a column, a learned constant, or layers over its features."""
    name, columns = output.parameter.name, model.schema.row_inputs
    if isinstance(output.parameter.given, str):
        return f"column `{output.parameter.given}`"
    if not output.size:
        return "given by the family's options" if output.parameter.given is not None else "fixed: no output"
    offset = f" + `{columns[f'offset.{name}']}`" if f"offset.{name}" in columns else ""
    if output.columns == ():
        return f"one learned constant for all rows{offset}"
    network = model.config.network
    layers = [*network.hidden, *output.hidden]
    inputs = model.encoder.width if output.columns is None else len(output.columns)
    sharing = " (own network)" if _is_alone(model, output) else f", the last {len(output.hidden)} its own" if output.hidden else ""
    return f"{inputs} inputs{_feature_text(model, output)} -> {layers}{linear_path_text(model.config)}{sharing} -> {output.size}{offset}"


def _is_alone(model: Model, output: Output) -> bool:
    """True if no other parameter shares the trunk of this one."""
    others = [other for other in model.outputs if other.size and other.columns != () and other is not output]
    return bool(others) and (model.config.network.heads == "separate" or all(other.columns != output.columns for other in others))


def _feature_text(model: Model, output: Output) -> str:
    """The features of a parameter as text; empty if it sees all features."""
    if output.columns is None:
        return ""
    return f" ({', '.join(_features(model, output.columns))})"


def _features(model: Model, columns: Sequence[int]) -> list[str]:
    positions = set(columns)
    return [name for name, part in model.encoder.slices.items() if positions & set(range(model.encoder.width)[part])]
