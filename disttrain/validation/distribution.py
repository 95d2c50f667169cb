"""Problems of the `distribution` block of a config, checked against the table of families without torch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from disttrain.config import Problem, suggestion
from disttrain.families import ACTIVATIONS, FACTS, FAMILIES, Family, InvalidOption, Parameter, build, needs, objection, options, spelled
from disttrain.families.other_names import hint_to_family
from disttrain.families.supports import Support
from disttrain.validation.observations import observation_problems

Path = tuple[str | int, ...]
_OUTSIDE = "parameters stand beside the outermost `family`, whatever it is made `of`"
_LINK = "each parameter has its own: `parameters: {NAME: {activation: exp}}`, and `exp` is the inverse of a log link"


def distribution_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of family names, options and parameter blocks in a raw config. Malformed parts are left to the config sections."""
    section = document.get("distribution")
    section = {"family": section} if isinstance(section, str) else section
    problems = list(_family_problems(("distribution",), section, ("family", "parameters")))
    yield from problems or _width_problems(section, document)
    if problems or not isinstance(section, Mapping) or section.get("family") not in FAMILIES:
        return
    try:
        # Names, supports and activations do not depend on the number of classes, so two are enough here.
        facts = {"classes": 2, "targets": _targets(document), "trials": _column(document, "trials")}
        family = build(section["family"], {**facts, **{key: section[key] for key in section if key != "parameters"}})
    except InvalidOption as fault:
        yield _unsuitable(section, fault)
        return
    except (TypeError, ValueError) as fault:
        yield Problem(("distribution",), "wrong-type", f"`{section['family']}` cannot be built of these options: {fault}")
        return
    yield from observation_problems(family, document)
    blocks = section.get("parameters")
    if isinstance(blocks, Mapping):
        yield from _blocks_problems(family, blocks, document)


def _targets(document: Mapping[str, Any]) -> int:
    """The number of target columns in a raw config; 2 if that part is malformed."""
    data = document.get("data")
    target = data.get("target") if isinstance(data, Mapping) else None
    return 1 if isinstance(target, str) else len(target) if isinstance(target, list | tuple) and target else 2


def _family_problems(path: Path, section: Any, other_keys: tuple[str, ...]) -> Iterator[Problem]:
    """Problems of a family's name and options, and of its inner family `of`. `other_keys` are the allowed keys besides its options."""
    name = section.get("family") if isinstance(section, Mapping) else section
    if not isinstance(name, str):
        inside = [key for key in section if key in FAMILIES] if isinstance(section, Mapping) and name is None else []
        if inside:
            what, hints = f"`{inside[0]}` is a family and stands as the value of `family`", (f"write `family: {inside[0]}`",)
            yield Problem((*path, inside[0]), "unknown-key", what, hints=hints, on_key=True)
        elif isinstance(section, Mapping) and path != ("distribution",):
            yield Problem((*path, "family"), "missing-key", "`of` needs the name of a family as `family`", hints=("of: gamma",))
        return
    if name not in FAMILIES:
        where = (*path, "family") if isinstance(section, Mapping) else path
        yield unknown_family(where, name)
        return
    if not isinstance(section, Mapping):
        return
    keys = (*other_keys, *(option for option in options(name) if option not in FACTS))
    for key in section:
        if key not in keys:
            hint = _OUTSIDE if key == "parameters" else _LINK if key == "link" else None
            yield _unknown_key((*path, key), str(key), keys, f"`{name}` takes no option `{key}`", hint)
    yield from _option_problems(path, name, section)
    if isinstance(section.get("of"), str | Mapping):
        yield from _family_problems((*path, "of"), section["of"], ("family",))
    elif section.get("of") is not None:
        yield Problem((*path, "of"), "wrong-type", "`of` must be the name of a family, or a mapping with its name as `family`")


def _option_problems(path: Path, name: str, section: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of options of the family `name` that must be numbers and are not."""
    for option, declared in inspect.signature(FAMILIES[name]).parameters.items():
        kind, _, optional = str(declared.annotation).partition(" | ")
        value = section.get(option)
        if option not in section or kind not in ("int", "float") or optional not in ("", "None") or (optional and value is None):
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or (kind == "int" and value % 1 != 0):
            number_text = "a whole number" if kind == "int" else "a number"
            yield Problem((*path, option), "wrong-type", f"`{option}` must be {number_text}, not `{value}`")


def _width_problems(section: Any, document: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of one target column if the family needs several, or of several if it needs one."""
    name, family_options = (section.get("family"), section) if isinstance(section, Mapping) else (section, {})
    data = document.get("data")
    target = data.get("target") if isinstance(data, Mapping) else None
    columns = [target] if isinstance(target, str) else target
    if not isinstance(name, str) or not isinstance(columns, list) or not columns:
        return
    needed = needs(name, family_options)
    if "targets" in needed and len(columns) < 2:
        what = f"{name} needs two target columns or more, and `data.target` names one"
        yield Problem(("data", "target"), "target-columns", what, hints=("list the columns: `target: [a, b, c]`",))
    elif not needed & {"classes", "targets"} and len(columns) > 1:
        several = ", ".join(other for other in FAMILIES if "targets" in needs(other, {}))
        what = f"{name} takes one target column, and `data.target` names {len(columns)}"
        yield Problem(
            ("data", "target"), "target-columns", what, hints=(f"families of several columns: {several}", "or one model per column")
        )


def _unsuitable(section: Mapping[str, Any], fault: InvalidOption) -> Problem:
    """The problem at the option that caused it, which may belong to an inner family."""
    path: Path = ("distribution",)
    while fault.option not in section and isinstance(section.get("of"), Mapping):
        section, path = section["of"], (*path, "of")
    path = (*path, fault.option) if fault.option in section else path
    return Problem(path, "unsuitable-option", str(fault), hints=(fault.hint,) if fault.hint else ())


def unknown_family(path: Path, word: str) -> Problem:
    """The problem of an unknown family name, with the family of that name in scipy.stats or gamlss, or the closest name, as a hint."""
    if (hint := hint_to_family(word)) is None:
        return unknown_choice(path, word, "a family", FAMILIES, "`disttrain families` lists all")
    return Problem(path, "unknown-choice", f"`{word}` is not a family", hints=(hint,))


def unknown_choice(path: Path, word: str, kind: str, choices: Mapping[str, Any], listing: str) -> Problem:
    """The problem of a word that is not among the choices, with the closest choice as a hint."""
    closest = suggestion(word, choices)
    if "(" in word and all(part in choices for part in re.findall(r"[a-z_]\w*", word)):
        return Problem(path, "unknown-choice", f"`{word}` is not {kind}", hints=(f"write `{spelled(word)}`",))
    return Problem(path, "unknown-choice", f"`{word}` is not {kind}", hints=((f"did you mean `{closest}`? " if closest else "") + listing,))


def _unknown_key(path: Path, word: str, choices: tuple[str, ...], what: str, hint: str | None = None) -> Problem:
    closest = suggestion(word, choices)
    default_hint = f"did you mean `{closest}`?" if closest else "it has " + ", ".join(f"`{choice}`" for choice in choices)
    return Problem(path, "unknown-key", what, hints=(hint or default_hint,), on_key=True)


def _blocks_problems(family: Family, blocks: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Problem]:
    names = tuple(parameter.name for parameter in family.parameters)
    for name, block in blocks.items():
        path: Path = ("distribution", "parameters", name)
        if name not in names:
            yield _unknown_key(path, str(name), names, f"`{name}` is not a parameter of {family.name}")
        elif family.parameter(name).given is not None and isinstance(block, Mapping) and block:
            what = f"`{name}` is given by an option of {family.name} and not learned"
            yield Problem(path, "conflict", what, hints=("set it beside `family`",), on_key=True)
        elif isinstance(block, Mapping):
            yield from _block_problems(path, family, family.parameter(name), block)
            yield from _feature_problems(path, block, document)
    learned = [name for name in names if family.parameter(name).given is None]
    if all(isinstance(blocks.get(name), Mapping) and blocks[name].get("fixed") is not None for name in learned):
        yield Problem(
            ("distribution", "parameters"), "nothing-to-learn", "every parameter is fixed; there is nothing left to learn", on_key=True
        )


def _block_problems(path: Path, family: Family, parameter: Parameter, block: Mapping[str, Any]) -> Iterator[Problem]:
    name = block.get("activation")
    if isinstance(name, str) and parameter.tied:
        what = f"`{parameter.name}` of {family.name} shares one softmax with others: its activation cannot be chosen"
        yield Problem((*path, "activation"), "conflict", what)
    elif isinstance(name, str) and name not in ACTIVATIONS:
        yield unknown_choice((*path, "activation"), name, "an activation", ACTIVATIONS, "there are " + ", ".join(ACTIVATIONS))
    elif isinstance(name, str) and (wrong := objection(name, parameter, family.name)):
        what, why, hint = wrong
        yield Problem((*path, "activation"), "activation-support", what, why, (hint,))
    fixed = block.get("fixed")
    if fixed is not None:
        yield from _fixed_problems(path, family, parameter, fixed)
        for key in ("activation", "hidden", "features", "bounds"):
            if block.get(key) is not None:
                yield Problem(
                    (*path, key), "conflict", f"`{key}` has no meaning where `fixed` says that the parameter is not learned", on_key=True
                )
    yield from _bounds_problems(path, family, parameter, block.get("bounds"))


def _fixed_problems(path: Path, family: Family, parameter: Parameter, fixed: Any) -> Iterator[Problem]:
    key_path = (*path, "fixed")
    if parameter.tied:
        yield Problem(key_path, "conflict", f"`{parameter.name}` of {family.name} shares one softmax with others and cannot be fixed alone")
    elif parameter.support.kind != "number":
        what = f"`{parameter.name}` of {family.name} is a vector and cannot be fixed"
        yield Problem(key_path, "conflict", what, hints=("use `features: []` for one learned constant",))
    elif _number(fixed) and not parameter.support.contains(float(fixed)):
        yield Problem(
            key_path, "out-of-support", f"{fixed} is not possible: `{parameter.name}` of {family.name} needs {_support_text(parameter)}"
        )
    elif not _number(fixed):
        yield Problem(key_path, "wrong-type", "`fixed` must be a number here")


def _bounds_problems(path: Path, family: Family, parameter: Parameter, bounds: Any) -> Iterator[Problem]:
    key_path = (*path, "bounds")
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or not all(bound is None or _number(bound) for bound in bounds):
        return
    low, high = bounds
    if parameter.support.kind != "number" or parameter.tied:
        why = "shares one softmax with others" if parameter.tied else "is a vector"
        yield Problem(key_path, "conflict", f"`{parameter.name}` of {family.name} {why} and cannot be bounded")
    elif low is not None and high is not None and low >= high:
        yield Problem(key_path, "out-of-range", f"the lower bound {low} is not below the upper bound {high}")
    elif not _reaches(parameter.support, low, high):
        yield Problem(
            key_path,
            "out-of-support",
            f"no value in {list(bounds)} is possible: `{parameter.name}` of {family.name} needs {_support_text(parameter)}",
        )


def _reaches(support: Support, low: float | None, high: float | None) -> bool:
    """True if some value of the support lies between the bounds."""
    return (high is None or high > support.lower) and (low is None or low < support.upper)


def _feature_problems(path: Path, block: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Problem]:
    data = document.get("data")
    listed = data.get("features") if isinstance(data, Mapping) else None
    chosen = block.get("features")
    if not isinstance(listed, list) or not isinstance(chosen, list):
        return
    names = [item.get("name") if isinstance(item, Mapping) else item for item in listed]
    if "*" in names:
        return
    for index, feature in enumerate(chosen):
        if isinstance(feature, str) and feature not in names:
            feature_names = {name: None for name in names if isinstance(name, str)}
            yield unknown_choice(
                (*path, "features", index), feature, "among `data.features`", feature_names, "a parameter sees a subset of them"
            )


def _column(document: Mapping[str, Any], key: str) -> str | None:
    data = document.get("data")
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _support_text(parameter: Parameter) -> str:
    return parameter.support.text(parameter.name)
