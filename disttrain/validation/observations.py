"""Problems of censoring, exposure, offset and trials in a config, checked against the family without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from disttrain.config import Document, Problem, Yaml, suggestion
from disttrain.families import FAMILIES, Family, build, needs, takes_exposure


def observation_problems(family: Family, document: Document) -> Iterator[Problem]:
    """Problems of `data.censoring`, `exposure`, `offset` and `trials` in a raw config, for a family that is already built."""
    data, section = document.get("data"), document.get("distribution")
    if not isinstance(data, Mapping):
        return
    options: dict[str, Yaml] = section if isinstance(section, dict) else {"family": section}
    if isinstance(censoring := data.get("censoring"), Mapping):
        yield from _censoring_problems(family, censoring, options)
    if data.get("exposure") is not None and not takes_exposure(family):
        what = f"`exposure` multiplies the mean of counts and totals, and {family.name} has no parameter that its mean is proportional to"
        hints = ("families with an exposure: poisson, negative_binomial, gamma, tweedie, ...", "or `data.offset` on one of its parameters")
        why = (
            "" if family.proportional else "values cut off, rounded or above a hurdle have a mean that does not shrink as the exposure does"
        )
        yield Problem(("data", "exposure"), "not-supported", what, why, (*_without_hurdle(options), *hints))
    if isinstance(offset := data.get("offset"), Mapping):
        for name in offset:
            yield from _offset_problems(family, name, options.get("parameters"))
    if data.get("trials") is not None:
        yield from _trials_problems(options)


def _censoring_problems(family: Family, censoring: Document, options: Document) -> Iterator[Problem]:
    key_path = ("data", "censoring")
    labels = "classes" in needs(str(options.get("family")), options)
    if family.event or labels or not family.tails:
        why = (
            f"each row of {family.name} is a vector" if family.event
            else "labels are seen or not; there is no interval of them" if labels
            else "that is a difference of its cdf, which has no gradient in the parameters here"
        )  # fmt: skip
        what = f"{family.name} has no likelihood for rows that were not seen exactly"
        hints = ("leave it out",) if labels else _same_kind(family)
        yield Problem(key_path, "not-supported", what, why, hints, on_key=True)
    elif family.support.discrete and censoring.get("rounding") is not None:
        what = f"`rounding` is for measurements, and {family.name} gives probabilities to single values already"
        yield Problem((*key_path, "rounding"), "conflict", what, hints=("leave it out",), on_key=True)
    limit = censoring.get("limit")
    if isinstance(limit, int | float) and not isinstance(limit, bool) and limit <= family.support.lower:
        what = f"no target of {family.name} is below {limit:g}, so every one would be censored there"
        why = f"{family.name} needs {family.support.text('y')}; targets at or above the limit are right-censored"
        yield Problem((*key_path, "limit"), "out-of-support", what, why, ("the largest value that is recorded as it is",))


def _without_hurdle(options: Yaml) -> tuple[str, ...]:
    """A hint for a hurdle of counts: the zero-inflated family, whose mean is proportional to the exposure."""
    while isinstance(options, Mapping):
        of = {"of": options.get("of")}
        counts = options.get("family") == "hurdle" and build("hurdle", of).support.discrete
        if counts and takes_exposure(build("zero_inflated", of)):
            return ("`family: zero_inflated` in the place of hurdle: its mean is proportional to the exposure",)
        options = options.get("of")
    return ()


def _same_kind(family: Family) -> tuple[str, ...]:
    """A hint with the families of the same support that can score censored rows."""
    if family.event:
        return ("one model per target column",)
    able = [
        name for name in FAMILIES
        if (other := build(name, {"classes": 2, "targets": 2})).tails and other.support == family.support and "classes" not in needs(name, {})
    ]  # fmt: skip
    return (f"families that have one: {', '.join(able[:8])}",) if able else ()


def _offset_problems(family: Family, name: str, blocks: Yaml) -> Iterator[Problem]:
    key_path = ("data", "offset", name)
    names = [parameter.name for parameter in family.parameters]
    if name not in names:
        closest = suggestion(name, names)
        hint = f"did you mean `{closest}`?" if closest else f"it has {', '.join(names)}"
        yield Problem(key_path, "unknown-key", f"`{name}` is not a parameter of {family.name}", hints=(hint,), on_key=True)
        return
    parameter = family.parameter(name)
    block = blocks.get(name) if isinstance(blocks, Mapping) else None
    if parameter.given is not None or (isinstance(block, Mapping) and block.get("fixed") is not None):
        what = f"`{name}` is not learned, so nothing can be added to its raw output"
        yield Problem(key_path, "conflict", what, hints=("leave the offset out, or let the parameter be learned",), on_key=True)
    elif family.event or (parameter.shape and parameter.axes[:1] != ("components",)):
        what = f"`{name}` of {family.name} is a vector, and an offset is one number per row"
        yield Problem(key_path, "conflict", what, on_key=True)


def _trials_problems(options: dict[str, Yaml]) -> Iterator[Problem]:
    name = str(options.get("family"))
    if "trials" not in needs(name, options):
        hints = ("families of trials: binomial, beta_binomial",)
        yield Problem(("data", "trials"), "conflict", f"`{name}` does not count successes out of trials", hints=hints, on_key=True)
    elif _at(options, "total_count") is not None:
        what = "`data.trials` gives the number of trials of each row, and `total_count` one for all"
        yield Problem(("data", "trials"), "conflict", what, hints=("leave one of them out",), on_key=True)


def _at(options: Yaml, key: str) -> Yaml:
    """The value of an option of a family or of its inner family."""
    while isinstance(options, Mapping):
        if key in options:
            return options[key]
        options = options.get("of")
    return None
