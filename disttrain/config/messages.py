"""Words and values as text for a message: escaped, short, and with the nearest choice for an unknown word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import PurePath

from disttrain.messages import escaped, shortened

__all__ = ["choice_hint", "escaped", "listing", "nearest_file", "shortened", "display", "suggestion"]


def display(value: object) -> str:
    """A value of a config as a message names it: `0.5`, `true`, a list, a mapping."""
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case int():
            return f"`{value}`" if abs(value) < 2**63 else "a huge number"
        case float():
            return f"`{value}`"
        case str():
            return f"`{escaped(shortened(value))}`" if value else "empty text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
    return f"a {type(value).__name__}"


# What other programs call a choice that a config has.
_SAME = {
    "swish": "silu",
    "linear": "identity",
    **dict.fromkeys(("none", "fixed"), "constant"),
    **dict.fromkeys(("float", "int", "integer", "number", "continuous", "real"), "numeric"),
    **dict.fromkeys(("category", "string", "str", "text", "object", "factor", "nominal"), "categorical"),
    **dict.fromkeys(("date", "timestamp", "time"), "datetime"),
    **dict.fromkeys(("bool", "binary"), "boolean"),
    **dict.fromkeys(("bf16", "half"), "bfloat16"),
    **dict.fromkeys(("fp32", "single"), "float32"),
    **dict.fromkeys(("fp64", "double"), "float64"),
    **dict.fromkeys(("logloss", "log_loss", "log_likelihood", "cross_entropy", "nlpd", "log_score", "logs"), "nll"),
    **dict.fromkeys(("mse", "rms"), "rmse"),
    **dict.fromkeys(("quantile_loss", "quantile_score"), "pinball"),
    **dict.fromkeys(("c_index", "cindex", "concordance_index"), "concordance"),
    **dict.fromkeys(("sd", "stdev", "stddev", "standard_deviation"), "std"),
    **dict.fromkeys(("average", "expectation", "mu"), "mean"),
    **dict.fromkeys(("json", "jsonl"), "ndjson"),
    **dict.fromkeys(("tsv", "txt"), "csv"),
    **dict.fromkeys(("val", "valid", "dev"), "validation"),
    **dict.fromkeys(("median", "fill"), "impute"),
    **dict.fromkeys(("standardize", "standardise", "zscore"), "standard"),
    "grouped": "group",
    **dict.fromkeys(("temporal", "chronological"), "time"),
    **dict.fromkeys(("one_hot", "one-hot", "dummy"), "onehot"),
}  # fmt: skip


def suggestion(word: str, choices: Iterable[str]) -> str | None:
    """The choice nearest to `word`, or None if none is similar."""
    by_lower_case = {choice.lower(): choice for choice in choices if isinstance(choice, str)}
    if _SAME.get(word.lower()) in by_lower_case and word.lower() not in by_lower_case:
        return by_lower_case[_SAME[word.lower()]]
    matches = difflib.get_close_matches(word[:100].lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[matches[0]] if matches else None


def nearest_file(name: str, names: Iterable[str]) -> str | None:
    """The file with the most similar name, whatever its capitals and suffix; None if none is similar."""
    stems = {PurePath(other).stem.lower(): other for other in names}
    matches = difflib.get_close_matches(PurePath(name).stem.lower()[:100], stems, n=1, cutoff=0.75)
    return stems[matches[0]] if matches else None


def listing(choices: Iterable[str], most: int = 20) -> str:
    """At most `most` of the choices, in backticks, and the number of the others."""
    quoted = [f"`{choice}`" for choice in choices]
    return ", ".join(quoted[:most]) + (f" and {len(quoted) - most} more" if len(quoted) > most else "")


def choice_hint(word: str, choices: Iterable[str]) -> str:
    """The hint for a word that is not one of the choices."""
    options = tuple(choices)
    nearest = suggestion(word, options)
    return f"did you mean `{nearest}`?" if nearest else f"use one of {listing(options)}"
