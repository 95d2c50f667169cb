"""The censoring of the targets as text: the config keys that set it, and the number of rows of each kind."""

from __future__ import annotations

from disttrain.config import Config
from disttrain.families import Family
from disttrain.outcomes import Outcome

_WORDS = {"exact": "exact", "right": "right-censored", "left": "left-censored", "interval": "in an interval"}


def censoring_counts(outcome: Outcome) -> str:
    """The number of rows of each kind of censoring, as text: `114 exact, 318 right-censored`.

    Returns an empty text if all rows are exact. Rows with an entry time are counted once more: `12 with an entry`.
    """
    if outcome.all_exact:
        return ""
    unknown = outcome.lower.isinf() & outcome.upper.isinf()
    counts = {_WORDS[kind]: int((which & ~unknown).sum()) for kind, which in outcome.by_kind.items()} | {"unknown": int(unknown.sum())}
    counted = [f"{count:,} {words}" for words, count in counts.items() if count]
    late = 0 if outcome.entry is None else int((~outcome.entry.isinf()).sum())
    return ", ".join([*counted, *([f"{late:,} with an entry"] if late else [])])


def losses_of(config: Config, family: Family) -> list[tuple[str, str]]:
    """The loss of a row whose target is not exact, as pairs of a condition and a formula.

    The formulas use S and F of a density. For families with probabilities, the formula says if an end belongs to the event.
    """
    section = config.data.censoring
    if section is None:
        return []
    probable = family.support.discrete or bool(family.atoms)
    target, losses = f"`{config.data.targets[0]}`", []
    if section.event is not None:
        survival = f"P(Y > {target})" if probable else f"S({target})"
        losses.append((f"`{section.event}` = 0", f"-log {survival}     right-censored: all that is known is that Y is larger"))
    if section.limit is not None:
        limit = f"`{section.limit}`" if isinstance(section.limit, str) else f"{section.limit:g}"
        survival_at_limit = f"P(Y ≥ {limit})" if probable else f"S({limit})"
        losses.append((f"y ≥ {limit}", f"-log {survival_at_limit}     right-censored there: all that is known is that Y reaches it"))
    if section.lower is not None or section.upper is not None:
        lower, upper = (f"`{end}`" if end is not None else target for end in (section.lower, section.upper))
        between = f"P({lower} ≤ Y ≤ {upper})" if probable else f"(F({upper}) - F({lower}))"
        losses.append((f"{lower} < {upper}", f"-log {between}     an empty end is open"))
    if section.rounding is not None:
        half = f"{0.5 * section.rounding:g}"
        cell = f"P(y - {half} ≤ Y ≤ y + {half})" if probable else f"(F(y + {half}) - F(y - {half}))"
        losses.append(("rounded", f"-log {cell}     instead of the density, for targets that were measured"))
    if section.entry is not None:
        entered = f"P(Y > `{section.entry}`)" if probable else f"S(`{section.entry}`)"
        losses.append((f"`{section.entry}`", f"+ log {entered}     left-truncated: the row was seen because Y is larger"))
    return losses


def weights_of(config: Config) -> str:
    """The formula of the loss as a mean over rows, with weights if the config has any."""
    if config.data.weight is None:
        return "loss = -(1/N) Σ log q(y_i | Θ(W, X_i))"
    return f"loss = -Σ w_i log q(y_i | Θ(W, X_i)) / Σ w_i,   w = `{config.data.weight}`"
