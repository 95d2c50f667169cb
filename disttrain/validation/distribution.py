"""Problems of the `distribution` block of a config, checked against the table of families without torch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping

from disttrain.config import Document, Problem, Yaml, suggestion, under
from disttrain.families import ACTIVATIONS, FACTS, FAMILIES, Family, InvalidOption, Parameter, build, needs, objection, options, spelled
from disttrain.families.other_names import hint_to_family
from disttrain.parameter_settings import Rule, violations
from disttrain.validation.observations import observation_problems

# The keys of an inner family beside its options; the outermost has `parameters` too.
_INNER_KEYS = ("family",)
# The problem of a block's value that breaks a rule, relative to the value.
_Wording = Callable[[Family, Parameter, Yaml], Problem]
_OUTSIDE = "parameters stand beside the outermost `family`, whatever it is made `of`"
_LINK = "each parameter has its own: `parameters: {NAME: {activation: exp}}`, and `exp` is the inverse of a log link"


def distribution_problems(document: Document) -> Iterator[Problem]:
    """Problems of family names, options and parameter blocks in a raw config. Malformed parts are left to the config sections."""
    section = document.get("distribution")
    section = {"family": section} if isinstance(section, str) else section
    problems = list(under(("distribution",), _family_problems(section, ("family", "parameters"))))
    yield from problems or _width_problems(section, document)
    if problems or not isinstance(section, Mapping) or not isinstance(family := section.get("family"), str) or family not in FAMILIES:
        return
    try:
        # Names, supports and activations do not depend on the number of classes, so two are enough here.
        facts = {"classes": 2, "targets": _targets(document), "trials": _column(document, "trials")}
        built = build(family, {**facts, **{key: section[key] for key in section if key != "parameters"}})
    except InvalidOption as fault:
        yield _unsuitable(section, fault)
        return
    except (TypeError, ValueError) as fault:
        yield Problem(("distribution",), "wrong-type", f"`{family}` cannot be built of these options: {fault}")
        return
    yield from observation_problems(built, document)
    yield from _pooling_problems(built, document)
    blocks = section.get("parameters")
    if isinstance(blocks, Mapping):
        yield from under(("distribution", "parameters"), _blocks_problems(built, blocks, document))


def _pooling_problems(family: Family, document: Document) -> Iterator[Problem]:
    """The problem of members that are to be pooled into one distribution of a family that has no rule for it."""
    network = document.get("network")
    if family.unpooled and isinstance(network, Mapping) and network.get("pooling") == "family":
        what = f"members cannot be pooled into one distribution of {family.name}: {family.unpooled}"
        yield Problem(("network", "pooling"), "not-supported", what, hints=("`pooling: mixture`, their equal mixture",))


def _targets(document: Document) -> int:
    """The number of target columns in a raw config; 2 if that part is malformed."""
    data = document.get("data")
    target = data.get("target") if isinstance(data, Mapping) else None
    return 1 if isinstance(target, str) else len(target) if isinstance(target, list | tuple) and target else 2


def _family_problems(section: Yaml, other_keys: tuple[str, ...]) -> Iterator[Problem]:
    """Problems of a family's name and options, and of its inner family `of`. `other_keys` are the allowed keys besides its options."""
    name = section.get("family") if isinstance(section, Mapping) else section
    if not isinstance(name, str):
        inside = [key for key in section if key in FAMILIES] if isinstance(section, Mapping) and name is None else []
        if inside:
            what, hints = f"`{inside[0]}` is a family and stands as the value of `family`", (f"write `family: {inside[0]}`",)
            yield Problem((inside[0],), "unknown-key", what, hints=hints, on_key=True)
        elif isinstance(section, Mapping) and other_keys == _INNER_KEYS:
            yield Problem(("family",), "missing-key", "`of` needs the name of a family as `family`", hints=("of: gamma",))
        return
    if name not in FAMILIES:
        yield _unknown_family(name).under(*(("family",) if isinstance(section, Mapping) else ()))
        return
    if not isinstance(section, Mapping):
        return
    keys = (*other_keys, *(option for option in options(name) if option not in FACTS))
    for key in section:
        if key not in keys:
            hint = _OUTSIDE if key == "parameters" else _LINK if key == "link" else None
            yield _unknown_key(key, keys, f"`{name}` takes no option `{key}`", hint)
    yield from _option_problems(name, section)
    if isinstance(section.get("of"), str | Mapping):
        yield from under(("of",), _family_problems(section["of"], _INNER_KEYS))
    elif section.get("of") is not None:
        yield Problem(("of",), "wrong-type", "`of` must be the name of a family, or a mapping with its name as `family`")


def _option_problems(name: str, section: Document) -> Iterator[Problem]:
    """Problems of options of the family `name` that must be numbers and are not."""
    for option, declared in inspect.signature(FAMILIES[name]).parameters.items():
        kind, _, optional = str(declared.annotation).partition(" | ")
        value = section.get(option)
        if option not in section or kind not in ("int", "float") or optional not in ("", "None") or (optional and value is None):
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or (kind == "int" and value % 1 != 0):
            number_text = "a whole number" if kind == "int" else "a number"
            yield Problem((option,), "wrong-type", f"`{option}` must be {number_text}, not `{value}`")


def _width_problems(section: Yaml, document: Document) -> Iterator[Problem]:
    """Problems of one target column if the family needs several, or of several if it needs one."""
    family_options = section if isinstance(section, Mapping) else {"family": section}
    name = family_options.get("family")
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


def _unsuitable(section: Document, fault: InvalidOption) -> Problem:
    """The problem at the option that caused it, which may belong to an inner family."""
    path: tuple[str, ...] = ("distribution",)
    while fault.option not in section and isinstance(inner := section.get("of"), Mapping):
        section, path = inner, (*path, "of")
    path = (*path, fault.option) if fault.option in section else path
    return Problem(path, "unsuitable-option", str(fault), hints=(fault.hint,) if fault.hint else ())


def _unknown_family(word: str) -> Problem:
    """The problem of an unknown family name, with the family of that name in scipy.stats or gamlss, or the closest name, as a hint."""
    if (hint := hint_to_family(word)) is None:
        return _unknown_choice(word, "a family", FAMILIES, "`disttrain families` lists all")
    return Problem((), "unknown-choice", f"`{word}` is not a family", hints=(hint,))


def _unknown_choice(word: str, kind: str, choices: Collection[str], listing: str) -> Problem:
    """The problem of a word that is not among the choices, with the closest choice as a hint."""
    closest = suggestion(word, choices)
    if "(" in word and all(part in choices for part in re.findall(r"[a-z_]\w*", word)):
        return Problem((), "unknown-choice", f"`{word}` is not {kind}", hints=(f"write `{spelled(word)}`",))
    return Problem((), "unknown-choice", f"`{word}` is not {kind}", hints=((f"did you mean `{closest}`? " if closest else "") + listing,))


def _unknown_key(word: str, choices: tuple[str, ...], what: str, hint: str | None = None) -> Problem:
    closest = suggestion(word, choices)
    default_hint = f"did you mean `{closest}`?" if closest else "it has " + ", ".join(f"`{choice}`" for choice in choices)
    return Problem((word,), "unknown-key", what, hints=(hint or default_hint,), on_key=True)


def _blocks_problems(family: Family, blocks: Document, document: Document) -> Iterator[Problem]:
    names = tuple(parameter.name for parameter in family.parameters)
    for name, block in blocks.items():
        if name not in names:
            yield _unknown_key(name, names, f"`{name}` is not a parameter of {family.name}")
        elif isinstance(block, Mapping):
            yield from under((name,), _block_problems(family, family.parameter(name), block))
            if family.parameter(name).given is None:
                yield from under((name, "features"), _feature_problems(block.get("features"), document))
    learned = [blocks.get(parameter.name) for parameter in family.parameters if parameter.given is None]
    if all(isinstance(block, Mapping) and block.get("fixed") is not None for block in learned):
        yield Problem((), "nothing-to-learn", "every parameter is fixed; there is nothing left to learn", on_key=True)


def _block_problems(family: Family, parameter: Parameter, block: Document) -> Iterator[Problem]:
    """The problems of one parameter block: of each key the first rule that it breaks, and every key beside `fixed`."""
    reported: set[str] = set()
    for violation in violations(family, parameter, block):
        rule, key = violation.rule, violation.key
        if rule == "fixed-alone":
            what = f"`{key}` has no meaning where `fixed` says that the parameter is not learned"
            yield Problem((key,), "conflict", what, on_key=True)
        elif rule in _PROBLEMS and key not in reported:
            reported.add(key)
            yield _PROBLEMS[rule](family, parameter, block.get(key)).under(*([key] if key else []))


def _unsuited_activation(family: Family, parameter: Parameter, name: Yaml) -> Problem:
    what, why, hint = objection(str(name), parameter, family.name) or ("", "", "")
    return Problem((), "activation-support", what, why, (hint,))


def _conflict(text: str, *hints: str) -> _Wording:
    """The problem of a setting that a parameter of this kind cannot have."""
    return lambda family, parameter, _: Problem((), "conflict", f"`{parameter.name}` of {family.name} {text}", hints=hints)


def _outside(text: str) -> _Wording:
    """The problem of a value, or of bounds, outside the support of the parameter."""

    def problem(family: Family, parameter: Parameter, value: Yaml) -> Problem:
        needed = f"`{parameter.name}` of {family.name} needs {parameter.support.text(parameter.name)}"
        return Problem((), "out-of-support", f"{text.format(value)}: {needed}")

    return problem


def _disordered(family: Family, parameter: Parameter, bounds: Yaml) -> Problem:
    del family, parameter
    low, high = bounds if isinstance(bounds, list) else (None, None)
    return Problem((), "out-of-range", f"the lower bound {low} is not below the upper bound {high}")


def _no_number(family: Family, parameter: Parameter, fixed: Yaml) -> Problem:
    del family, parameter, fixed
    return Problem((), "wrong-type", "`fixed` must be a number here")


# The problem of each rule that binds a config. Malformed values are left to the config sections.
_PROBLEMS: dict[Rule, _Wording] = {
    "given": lambda family, parameter, _: Problem(
        (), "conflict", f"`{parameter.name}` is given by an option of {family.name} and not learned", hints=("set it beside `family`",),
        on_key=True,
    ),
    "activation-tied": _conflict("shares one softmax with others: its activation cannot be chosen"),
    "activation-unknown": lambda family, parameter, name: _unknown_choice(
        str(name), "an activation", ACTIVATIONS, "there are " + ", ".join(ACTIVATIONS)
    ),
    "activation-support": _unsuited_activation,
    "fixed-tied": _conflict("shares one softmax with others and cannot be fixed alone"),
    "fixed-vector": _conflict("is a vector and cannot be fixed", "use `features: []` for one learned constant"),
    "fixed-list": _no_number,
    "fixed-no-number": _no_number,
    "fixed-support": _outside("{} is not possible"),
    "bounds-tied": _conflict("shares one softmax with others and cannot be bounded"),
    "bounds-vector": _conflict("is a vector and cannot be bounded"),
    "bounds-order": _disordered,
    "bounds-support": _outside("no value in {} is possible"),
}  # fmt: skip


def _feature_problems(chosen: Yaml, document: Document) -> Iterator[Problem]:
    data = document.get("data")
    listed = data.get("features") if isinstance(data, Mapping) else None
    if not isinstance(listed, list) or not isinstance(chosen, list):
        return
    names = [item.get("name") if isinstance(item, Mapping) else item for item in listed]
    if "*" in names:
        return
    for index, feature in enumerate(chosen):
        if isinstance(feature, str) and feature not in names:
            features = [name for name in names if isinstance(name, str)]
            yield _unknown_choice(feature, "among `data.features`", features, "a parameter sees a subset of them").under(index)


def _column(document: Document, key: str) -> str | None:
    data = document.get("data")
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else None
