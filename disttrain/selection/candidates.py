"""The candidates of a selection: the families that admit the target under the config, in the order of their fit without features."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from disttrain.config import Loaded, Yaml
from disttrain.data import located
from disttrain.errors import ConfigError, DataError, Finding
from disttrain.families import FACTS, FAMILIES, Family, build, needs, options
from disttrain.model import family_of
from disttrain.preparation.load import Dataset, SharedReads, dataset
from disttrain.preparation.observations import Observed, observe
from disttrain.preparation.ties import ties
from disttrain.selection.constant_fits import Sample, shape_of
from disttrain.selection.ranking import BLOCKS
from disttrain.selection.trial_configs import distribution_of, fold_of, trial_config

Array = NDArray[np.float64]

# Nats per row: a family whose fit without features is worse than the best by more is dropped where the features have no part in it.
HOPELESS = 2.0
# A column with more distinct whole numbers has counts or measurements, not classes.
_CLASSES = 20
# A family that admits every number, by which the target is read.
_ANY_NUMBER = "normal"
# So many of the best families are also tried with a probability of 0 beside them.
_AMOUNTS, _COUNTS = 5, 2
# Standard errors by which zeros exceed those of a Poisson distribution of the same mean.
_EXCESS = 3.0
# Findings about a target of another kind than the family's.
_UNSUITED = ("target-outside-support", "not-one-hot", "too-many-labels", "unusable-type")


@dataclass(frozen=True)
class Candidate:
    """A family to fit: its name, its `distribution` block, and the kind of its scores, one of BLOCKS of the ranking.

    `marginal` is the mean nats of its fit without features; None if there is none. `own` is True for the distribution of the config.
    """

    name: str
    distribution: dict[str, Yaml]
    block: str
    marginal: float | None = None
    own: bool = False


@dataclass(frozen=True)
class Candidates:
    """The candidates in the order of their trials, and the families that are not: by name, with the reason.

    `left_out` can produce the target and cannot be fitted as the config asks; `unsuited` cannot produce it; `hopeless` are dropped by their
    fit without features, with the nats per row by which they are worse than the best; `failed` have no such fit.
    """

    fitted: tuple[Candidate, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    unsuited: dict[str, str] = field(default_factory=dict)
    hopeless: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """The rows of a selection: those outside the test rows of the config. `numbers` are their observations as numbers; None for labels
    that are text, and for vectors.
    """

    loaded: Loaded
    rows: Dataset
    numbers: Observed | None
    folds: int
    shared: SharedReads

    @staticmethod
    def of(loaded: Loaded, folds: int, shared: SharedReads) -> Target:
        """Read the rows of a config. Raises DataError or ConfigError."""
        # The last fold has all rows, by time too.
        test = fold_of(loaded, folds, folds)
        rows = dataset(trial_config(loaded, distribution_of(loaded), test), None, shared=shared)
        numbers = None
        try:
            config = trial_config(loaded, {"family": _ANY_NUMBER}, test, checked=False)
            numbers = _observed(config, dataset(config, None, warn=False, shared=shared))
        except (DataError, ConfigError):
            pass
        return Target(loaded, rows, numbers if numbers is not None and numbers.outcome.value.dim() == 1 else None, folds, shared)

    @property
    def exact(self) -> Array:
        """The numbers that were observed exactly; empty without any."""
        return np.zeros(0) if self.numbers is None else self.numbers.measured

    @property
    def plain(self) -> bool:
        """True if a fit without features has the likelihood of the config: exact numbers, and nothing that is known of each row."""
        section = self.loaded.config.data
        return self.numbers is not None and self.numbers.outcome.all_exact and not (section.exposure or section.offset or section.trials)

    def admitted(self, distribution: Mapping[str, Yaml]) -> Family:
        """The family of a `distribution` block, built for these rows. Raises ConfigError or DataError if it cannot be fitted to them."""
        config = trial_config(self.loaded, distribution, fold_of(self.loaded, self.folds, self.folds))
        return _observed(config, dataset(config, None, warn=False, shared=self.shared)).family


def _observed(loaded: Loaded, rows: Dataset) -> Observed:
    with located(rows.origin):
        return observe(loaded.config, rows.schema, family_of(loaded.config, (0, 1)), rows.table, None)


@dataclass(frozen=True)
class Refusal:
    """A family that is no candidate: `kind` is the field of Candidates that it belongs to."""

    kind: str
    reason: str


def candidates(target: Target, named: Sequence[tuple[str, dict[str, Yaml]]] | None) -> Candidates:
    """The candidates for the rows of a selection: the families that are `named`, or all that admit the target without combinators.

    The distribution of the config is a candidate as it is, and stands in the place of its family. Raises DataError without any candidate.
    """
    own = distribution_of(target.loaded)
    own_name = _name_of(target, own)
    automatic: list[tuple[str, dict[str, Yaml]]] = [(name, {"family": name}) for name in _automatic(own)]
    chosen = automatic if named is None else named
    blocks: dict[str, dict[str, Yaml]] = dict(chosen)
    if own_name in blocks or named is None:
        blocks = {own_name: own} | {name: block for name, block in blocks.items() if name != own_name}
    results = {name: _judged(target, name, block, block is own, named is None) for name, block in blocks.items()}
    if named is None:
        results |= {name: _judged(target, name, block, False, True) for name, block in _with_zeros(target, results)}
    fitted = [one for one in results.values() if isinstance(one, Candidate)]
    if not fitted:
        raise _none(target, results)
    remarks: list[str] = []
    hopeless: dict[str, float] = {}
    if named is None:
        fitted = _of_one_kind(target, fitted, remarks)
        best = {block: min(map(_nats, fitted_of(fitted, block))) for block in {one.block for one in fitted}}
        behind = {one.name: _nats(one) - best[one.block] for one in fitted if one.marginal is not None and not one.own}
        hopeless = {name: nats for name, nats in behind.items() if nats > HOPELESS} if target.plain else {}
    fitted = sorted((one for one in fitted if one.name not in hopeless), key=lambda one: (BLOCKS.index(one.block), _nats(one)))
    reasons: dict[str, dict[str, str]] = {"left_out": {}, "unsuited": {}, "failed": {}}
    for name, one in results.items():
        if isinstance(one, Refusal):
            reasons[one.kind][name] = one.reason
    return Candidates(tuple(fitted), reasons["left_out"], reasons["unsuited"], hopeless, reasons["failed"], tuple(remarks))


def fitted_of(fitted: Sequence[Candidate], block: str) -> list[Candidate]:
    """The candidates of one block."""
    return [one for one in fitted if one.block == block]


def _nats(candidate: Candidate) -> float:
    return math.inf if candidate.marginal is None else candidate.marginal


def _name_of(target: Target, block: Mapping[str, Yaml]) -> str:
    """The name of the family of a `distribution` block, such as `hurdle(gamma)`; its first name if it cannot be built."""
    try:
        return _built(target, block).name
    except (TypeError, ValueError, KeyError):
        return str(block["family"])


def _built(target: Target, block: Mapping[str, Yaml]) -> Family:
    section = target.loaded.config.data
    return build(str(block["family"]), {"classes": 2, "targets": len(section.targets), "trials": section.trials, **block})


def _is_angle(family: Family) -> bool:
    return any(parameter.support.kind == "angle" for parameter in family.parameters)


def _automatic(own: Mapping[str, Yaml]) -> Iterator[str]:
    """The families that are not made of others. Any number is also an angle, so angles are alone with their families."""
    plain = [name for name in FAMILIES if "of" not in options(name)]
    angles = [name for name in plain if not _required(name) and _is_angle(build(name, {"classes": 2, "targets": 2}))]
    yield from angles if own["family"] in angles else (name for name in plain if name not in angles)


def _required(name: str) -> list[str]:
    """The options without a default that do not follow from the data."""
    signature = inspect.signature(FAMILIES[name]).parameters.values()
    return [option.name for option in signature if option.default is option.empty and option.name not in FACTS]


def _judged(target: Target, name: str, block: dict[str, Yaml], own: bool, ordered: bool) -> Candidate | Refusal:
    """The candidate of a `distribution` block, or the reason why it is none; with its fit without features if `ordered`."""
    if reason := _unlike(target, block):
        return Refusal("unsuited", reason)
    if lacking := [option for option in _required(str(block["family"])) if option not in block]:
        return Refusal("left_out", f"needs {', '.join(lacking)}")
    try:
        family = target.admitted(block)
    except ConfigError as fault:
        return Refusal("left_out", fault.findings[0].what)
    except DataError as fault:
        finding = fault.findings[0]
        return Refusal("unsuited" if finding.code in _UNSUITED else "left_out", finding.what)
    marginal = None if not ordered else _marginal(family, target, "classes" in needs(str(block["family"]), block))
    if isinstance(marginal, str):
        return Refusal("failed", marginal)
    return Candidate(name, block, _block(family, target), marginal, own)


def _unlike(target: Target, block: Mapping[str, Yaml]) -> str:
    """The reason why a family is of another kind than the target, or cannot produce its numbers; empty if there is none."""
    label, columns = "classes" in needs(str(block["family"]), block), len(target.loaded.config.data.targets)
    distinct = np.unique(target.exact)
    if label:
        labels = target.numbers is None or (2 <= len(distinct) <= _CLASSES and bool(np.all(distinct % 1 == 0)))
        return "" if labels else "the target is a quantity and no label"
    try:
        family = _built(target, block)
    except (TypeError, ValueError):
        # The checks of the config say it better.
        return ""
    if bool(family.event) != (columns > 1):
        return f"it is for {'several target columns' if family.event else 'one target column'}"
    if family.event:
        return ""
    if target.numbers is None:
        return "the target is text"
    inside = np.asarray(family.support.contains(distinct))
    return "" if inside.all() else f"{family.name} needs {family.support.text('y')}"


def _block(family: Family, target: Target) -> str:
    """The kind of a family's scores: probabilities also where no row was observed exactly."""
    no_exact = target.numbers is not None and not bool(target.numbers.outcome.is_exact.any())
    if family.support.discrete or no_exact:
        return "probabilities"
    return "mixed" if bool(np.isin(target.exact, family.atoms).any()) else "densities"


def _marginal(family: Family, target: Target, label: bool) -> float | str | None:
    """The mean nats of the fit without features to the exact numbers; None for other targets, the reason if there is no such fit."""
    numbers = _sample(target, target.exact)
    if numbers is None or family.event or any(isinstance(parameter.given, str) for parameter in family.parameters):
        return None
    return _constant_fit(family, numbers.as_codes() if label else numbers)


def _sample(target: Target, y: Array) -> Sample | None:
    """The bins of the exact numbers `y`, weighted if all rows are exact; None with too few of them."""
    weight = None if target.numbers is None or target.numbers.weight is None else target.numbers.weight.numpy()
    if weight is not None and len(weight) == len(y):
        y, weight = y[weight > 0], weight[weight > 0]
    else:
        weight = None
    return Sample.of(y, weight) if len(y) > 1 else None


def _constant_fit(family: Family, numbers: Sample) -> float | str:
    try:
        nll = shape_of(family, numbers).nll
    # A failure of one family is reported with the results of the others.
    except Exception as fault:
        return f"without features: {type(fault).__name__}: {fault}".split("\n")[0][:200]
    return nll if math.isfinite(nll) else "without features, its likelihood is not finite at the best constants"


def _of_one_kind(target: Target, fitted: list[Candidate], remarks: list[str]) -> list[Candidate]:
    """The candidates of the kind that suits the target: of the kind of the config's family for a count, of two classes for 0 and 1.

    A density turns repeated values into spikes, so the scores of a count by densities say little.
    """
    if len(target.exact) and bool(np.isin(target.exact, (0.0, 1.0)).all()):
        kept, kind = [one for one in fitted if one.own or _is_bounded(target, one)], "0 and 1"
    elif (heavy := ties(target.exact)) is not None and heavy.counts:
        own = [one.block for one in fitted if one.own]
        kept, kind = fitted_of(fitted, own[0] if own else "probabilities"), "a count"
    else:
        if heavy is not None and fitted_of(fitted, "densities"):
            remarks.append(f"{heavy.text()}: a density scores repeated values by narrow spikes, and its nll says little")
        return fitted
    removed = [one.name for one in fitted if one not in kept]
    if not kept or not removed:
        return fitted
    families = "family" if len(removed) == 1 else "families"
    remarks.append(f"the target is {kind}: {len(removed)} {families} of another kind are left out; `--families {removed[0]},...` fits them")
    return kept


def _is_bounded(target: Target, candidate: Candidate) -> bool:
    """True for families of classes."""
    support = _built(target, candidate.distribution).support
    return support.discrete and math.isfinite(support.upper)


def _with_zeros(target: Target, results: Mapping[str, Candidate | Refusal]) -> Iterator[tuple[str, dict[str, Yaml]]]:
    """Families with a probability of 0 of its own, where zeros suggest it: exact zeros among amounts, more zeros than Poisson has."""
    y = target.exact
    zeros = float((y == 0).mean()) if len(y) else 0.0
    own = target.loaded.config.distribution
    if not zeros or bool((y < 0).any()) or "classes" in needs(own.family, own.options):
        return
    if not np.all(y % 1 == 0):
        best, combinators = _best_amounts(y[y > 0]), ["hurdle"]
    else:
        expected = math.exp(-float(y.mean()))
        if zeros <= expected + _EXCESS * math.sqrt(expected * (1.0 - expected) / len(y)):
            return
        counts = [one for one in results.values() if isinstance(one, Candidate) and _is_count(target, one)]
        best, combinators = [one.name for one in sorted(counts, key=_nats)[:_COUNTS]], ["zero_inflated", "hurdle"]
    for combinator in combinators:
        for name in best:
            block: dict[str, Yaml] = {"family": combinator, "of": name}
            yield _name_of(target, block), block


def _is_count(target: Target, candidate: Candidate) -> bool:
    """True for a plain family of all counts."""
    if "(" in candidate.name or "classes" in needs(candidate.name, {}):
        return False
    support = _built(target, candidate.distribution).support
    return support.discrete and support.lower == 0 and math.isinf(support.upper)


def _best_amounts(y: Array) -> list[str]:
    """The plain families of positive amounts with the best fit without features to the positive numbers `y` (n,)."""
    if len(y) < 2:
        return []
    numbers, fits = Sample.of(y, None), dict[str, float]()
    for name in FAMILIES:
        if "of" in options(name) or _required(name) or set(needs(name, {})) & {"classes", "targets"}:
            continue
        family = build(name, {})
        positive = family.support.lower == 0 and not family.support.closed_lower and not family.support.discrete and not family.event
        if positive and bool(np.all(family.support.contains(numbers.scored.values))):
            fit = _constant_fit(family, numbers)
            fits |= {} if isinstance(fit, str) else {name: fit}
    return sorted(fits, key=lambda name: fits[name])[:_AMOUNTS]


def _none(target: Target, results: Mapping[str, Candidate | Refusal]) -> DataError:
    """The error for a selection without any candidate: the reason of each family."""
    reasons = [f"{name}: {one.reason}" for name, one in results.items() if isinstance(one, Refusal)]
    what = f"no family can be fitted to `{', '.join(target.rows.schema.target)}` as this config asks"
    more = [f"... and {len(reasons) - 10} more"] if len(reasons) > 10 else []
    return DataError(
        Finding("no-family", what, target.rows.origin.names[0], (*reasons[:10], *more), hints=("`disttrain families` lists the supports",))
    )
