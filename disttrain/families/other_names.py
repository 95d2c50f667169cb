"""What families are called elsewhere: in scipy.stats, in gamlss and in everyday words, as their own docstrings say."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from disttrain.families import FAMILIES, facts

__all__ = ["hint_to_family", "other_names", "spelled_here"]

# `GA: mu = ...`, `ZIP, ZINBI: ...`, `OPO of gamlss.ordinal`, `MULTIN`; not `TF with nu = 1`, which is another family.
_GAMLSS = re.compile(r"((?:[A-Za-z]+\d*(?:, )?)+)(?::| of (?!gamlss\.dist)|$)")
_SCIPY = re.compile(r"([a-z_\d]+)\(")
# A mixture of gamlss with zeros, and the family here that makes one of another.
_WITH_ZEROS = {"ZA": "hurdle", "ZI": "zero_inflated"}


def hint_to_family(word: str) -> str | None:
    """The hint to the family that has this name elsewhere; None for a word that no docstring knows."""
    if (elsewhere := spelled_here(word)) is None:
        return None
    spelling, source = elsewhere
    about = f"it is {source}; " if source else ""
    return f"did you mean `{spelling}`? {about}`disttrain families` lists all"


def spelled_here(word: str) -> tuple[str, str] | None:
    """What a config calls a family that has this name elsewhere, and where it has; None for a word that no docstring knows.

    Several families are joined by ` or `, such as the gamma by its rate and by its mean.
    """
    plain = re.sub(r"^(scipy\.stats|gamlss\.dist|gamlss|torch\.distributions|tfp?\.distributions)\.", "", word)
    known = other_names()
    for name in (plain, plain.upper(), plain.lower()):
        if name in known:
            source, families = known[name]
            return "` or `".join(families), f"{name} of {source}" if source else ""
    squashed = {name.replace("_", ""): name for name in FAMILIES}
    if (near := squashed.get(re.sub(r"[_\s-]", "", plain).lower())) is not None:
        return near, ""
    return _with_zeros(plain.upper(), known)


def _with_zeros(word: str, known: dict[str, tuple[str, list[str]]]) -> tuple[str, str] | None:
    source, families = known.get(word[2:]) or known.get(f"{word[2:]}O") or ("", [])
    if word[:2] not in _WITH_ZEROS or source != "gamlss":
        return None
    return f"{{family: {_WITH_ZEROS[word[:2]]}, of: {families[0]}}}", f"{word} of gamlss"


@functools.cache
def other_names() -> dict[str, tuple[str, list[str]]]:
    """{name elsewhere: (scipy.stats, gamlss or nothing, the families here)}, from the docstrings."""
    names: dict[str, tuple[str, list[str]]] = {}
    for family in FAMILIES:
        for name, source in _names(facts(family).lines):
            if name not in FAMILIES:
                names.setdefault(name, (source, []))[1].append(family)
    return names


def _names(known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if (scipy := _SCIPY.match(known.get("scipy", ""))) is not None:
        yield scipy[1], "scipy.stats"
    gamlss = known.get("gamlss", "none")
    if not gamlss.startswith("none") and (match := _GAMLSS.match(gamlss)) is not None:
        # Those made of another family are told by their first two letters.
        yield from ((name, "gamlss") for name in match[1].split(", ") if name[:2] not in _WITH_ZEROS)
    yield from ((name.strip(), "") for name in known.get("also", "").split(",") if name.strip())
