"""Nested models of one family: the parameters that vary with the features, from the location alone to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from disttrain.config import Yaml
from disttrain.families import Family, Parameter

GROUPS = ("location", "scale", "shape")
_BY_ROLE = {
    "location": "location", "mean": "location", "log_scale": "location", "scale": "scale", "variance": "scale", "rate": "scale",
    "dispersion": "scale", "shape": "shape",
}  # fmt: skip
# Parameters that say by their name what no role says: means that are a scale of the target, and parameters of families without roles.
_BY_NAME = {"loc": "location", "mean": "location", "scale": "scale", "dispersion": "scale"}


@dataclass(frozen=True)
class Step:
    """One nested model: its label, the parameters that it adds to those of the step before, and its `distribution` block."""

    label: str
    added: tuple[str, ...]
    distribution: dict[str, Yaml]


def group_of(parameter: Parameter) -> str:
    """The one of GROUPS that a parameter belongs to, by its name or its role."""
    return _BY_NAME.get(parameter.name) or _BY_ROLE.get(parameter.role or "shape", "shape")


def steps_of(family: Family, distribution: Mapping[str, Yaml], features: Sequence[str]) -> list[Step]:
    """The nested models of a `distribution` block in its long form: in each, the parameters of one more group vary with the features.

    Parameters that are given, fixed, or constant by the block (`features: []`) stay that in all models. A parameter that is constant unless
    a config gives it features is given all `features` in its step.
    """
    settings = distribution.get("parameters")
    blocks = settings if isinstance(settings, Mapping) else {}
    free = [parameter for parameter in family.parameters if parameter.given is None and _is_free(blocks.get(parameter.name))]
    groups = {group: [parameter for parameter in free if group_of(parameter) == group] for group in GROUPS}
    groups = {group: parameters for group, parameters in groups.items() if parameters}
    steps: list[Step] = []
    varying: list[str] = []
    for group, parameters in groups.items():
        added = tuple(parameter.name for parameter in parameters)
        varying += added
        label = f"+ {group}" if steps else "all" if len(groups) == 1 else f"{group} only"
        steps.append(Step(label, added, _with_blocks(distribution, _blocks(blocks, free, varying, features))))
    return steps


def without_features(family: Family, distribution: Mapping[str, Yaml]) -> dict[str, Yaml]:
    """The `distribution` block with every learned parameter as one constant for all rows."""
    settings = distribution.get("parameters")
    blocks = settings if isinstance(settings, Mapping) else {}
    free = [parameter for parameter in family.parameters if parameter.given is None and _is_free(blocks.get(parameter.name))]
    return _with_blocks(distribution, _blocks(blocks, free, (), ()))


def _with_blocks(distribution: Mapping[str, Yaml], blocks: dict[str, Yaml]) -> dict[str, Yaml]:
    """The `distribution` block with other parameter blocks, without the key if there are none."""
    others = {key: value for key, value in distribution.items() if key != "parameters"}
    return {**others, "parameters": blocks} if blocks else others


def _is_free(block: Yaml) -> bool:
    """True if a parameter is learned and may vary with the features."""
    return not isinstance(block, Mapping) or (block.get("fixed") is None and block.get("features") != [])


def _blocks(blocks: Mapping[str, Yaml], free: Sequence[Parameter], varying: Sequence[str], features: Sequence[str]) -> dict[str, Yaml]:
    """The parameter blocks of a model in which the parameters `varying` see the features, and the other free ones see none."""
    result: dict[str, Yaml] = dict(blocks)
    for parameter in free:
        block = blocks.get(parameter.name)
        before: dict[str, Yaml] = {key: value for key, value in block.items() if value is not None} if isinstance(block, Mapping) else {}
        if parameter.name not in varying:
            # Layers of a parameter's own have no input where it sees no feature.
            result[parameter.name] = {**{key: value for key, value in before.items() if key != "hidden"}, "features": []}
        elif parameter.constant and before.get("features") is None:
            result[parameter.name] = {**before, "features": list(features)}
        elif before:
            result[parameter.name] = before
    return result
