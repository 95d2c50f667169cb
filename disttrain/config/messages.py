"""How words and values look in a message: escaped, short, and with the nearest known word beside an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from disttrain.messages import escaped, shortened

__all__ = ["escaped", "listing", "nearest_file", "shortened", "display", "suggestion", "way_out"]


def display(value: Any) -> str:
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
    """The choice that was probably meant by `word`, or None where none is near."""
    known = {choice.lower(): choice for choice in choices if isinstance(choice, str)}
    if _SAME.get(word.lower()) in known and word.lower() not in known:
        return known[_SAME[word.lower()]]
    near = difflib.get_close_matches(word[:100].lower(), known, n=1, cutoff=0.6)
    return known[near[0]] if near else None


def nearest_file(name: str, names: Iterable[str]) -> str | None:
    """The file of nearly the same name: the same but for capitals or the suffix, or a likely slip in the stem; None where none is near."""
    stems = {PurePath(other).stem.lower(): other for other in names}
    near = difflib.get_close_matches(PurePath(name).stem.lower()[:100], stems, n=1, cutoff=0.75)
    return stems[near[0]] if near else None


def listing(choices: Iterable[str], most: int = 20) -> str:
    """The choices one after the other, in backticks; at most `most` of them."""
    quoted = [f"`{choice}`" for choice in choices]
    return ", ".join(quoted[:most]) + (f" and {len(quoted) - most} more" if len(quoted) > most else "")


def way_out(word: str, choices: Iterable[str]) -> str:
    """The hint for a word that is none of the choices."""
    known = tuple(choices)
    near = suggestion(word, known)
    return f"did you mean `{near}`?" if near else f"use one of {listing(known)}"
