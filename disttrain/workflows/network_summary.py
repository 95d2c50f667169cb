"""The network of each parameter in words: what it sees, the layers it goes through, and whom it shares them with."""

from __future__ import annotations

from collections.abc import Sequence

from disttrain.config import Config
from disttrain.model import Model
from disttrain.networks import Output


def summary_of(model: Model) -> str:
    """The network as one chain: `11 inputs -> [64, 64] -> concentration, rate`."""
    names = ", ".join(output.parameter.name for output in model.outputs if output.size)
    spread = embedding_text(model.config)
    spread = f", numbers {spread}" if spread else ""
    return f"{model.encoder.width} inputs{spread} -> {list(model.config.network.hidden)}{linear_path_text(model.config)} -> {names}"


def embedding_text(config: Config) -> str:
    """How numbers are spread out, in words; empty where they are not."""
    words = {"none": "", "both": "periodic and piecewise_linear"}
    return words.get(config.network.numeric_embedding, config.network.numeric_embedding)


def linear_path_text(config: Config) -> str:
    """What stands beside the hidden layers, in words; empty where nothing does."""
    return " + linear path" if config.network.linear_path else ""


def count_of(model: Model) -> str:
    """How many numbers are learned, in all members together, and how many members there are where it is not one."""
    weights = f"{model.network.size():,} weights"
    return weights if model.members == 1 else f"{model.members} members, {weights}"


def parameter_networks(model: Model) -> dict[str, str]:
    """The chain of each parameter, {name: text}; empty where all learned ones share one network and nothing is added."""
    network, offsets = model.config.network, model.config.data.offset
    learned = [output for output in model.outputs if output.size]
    alike = len({(output.columns, output.hidden) for output in learned}) == 1 and learned[0].columns is None and not learned[0].hidden
    if alike and not offsets and (network.heads == "shared" or len(learned) == 1):
        return {}
    return {output.parameter.name: parameter_network(model, output) for output in model.outputs}


def parameter_network(model: Model, output: Output) -> str:
    """How one parameter comes about: a value, a column, a constant, or layers over the features it sees."""
    name, known = output.parameter.name, model.schema.known
    if isinstance(output.parameter.given, str):
        return f"column `{output.parameter.given}`"
    if not output.size:
        return "given by the family's options" if output.parameter.given is not None else "fixed: no output"
    offset = f" + `{known[f'offset.{name}']}`" if f"offset.{name}" in known else ""
    if output.columns == ():
        return f"one learned constant for all rows{offset}"
    network = model.config.network
    layers = [*network.hidden, *output.hidden]
    inputs = model.encoder.width if output.columns is None else len(output.columns)
    own = " (own network)" if _is_alone(model, output) else f", the last {len(output.hidden)} its own" if output.hidden else ""
    return f"{inputs} inputs{_seen(model, output)} -> {layers}{linear_path_text(model.config)}{own} -> {output.size}{offset}"


def _is_alone(model: Model, output: Output) -> bool:
    """Whether no other parameter grows on the same trunk."""
    others = [other for other in model.outputs if other.size and other.columns != () and other is not output]
    return bool(others) and (model.config.network.heads == "separate" or all(other.columns != output.columns for other in others))


def _seen(model: Model, output: Output) -> str:
    """The features a parameter sees, where these are not all."""
    if output.columns is None:
        return ""
    return f" ({', '.join(_features(model, output.columns))})"


def _features(model: Model, columns: Sequence[int]) -> list[str]:
    places = set(columns)
    return [name for name, part in model.encoder.slices.items() if places & set(range(model.encoder.width)[part])]
