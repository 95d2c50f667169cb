"""Ranking: the likelihood of each family on a column of numbers, without features."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disttrain.config import Yaml
from disttrain.data import Schema, Source, column_location, files, located, read_target, read_weight, require_complete
from disttrain.errors import DataError, Finding
from disttrain.families import FAMILIES, Family, build, default_name, spelled
from disttrain.preparation.load import require_total
from disttrain.preparation.ties import tie_notes
from disttrain.selection.constant_fits import ConstantFit, Sample, shape_of
from disttrain.selection.family_docs import listing

Array = NDArray[np.float64]

# A column with more distinct whole numbers than this has counts or measurements, not classes.
_CLASSES = 20
# Kinds of scores. Only scores of the same kind are comparable.
BLOCKS = ("probabilities", "densities", "mixed")


@dataclass(frozen=True)
class Column:
    """The numbers that families are ranked on: `rows` of them, binned into `groups` or into their distinct values."""

    name: str
    rows: int
    distinct: int
    groups: int
    lowest: float
    highest: float
    mean: float
    skewness: float


@dataclass(frozen=True)
class Ranked:
    """One family in a ranking: its nats per row in target units, AIC and BIC, and their differences from the best.

    `spelling` is the family as a config names it. AIC = 2k + 2n·nll and BIC = k log n + 2n·nll for k learned constants and n scored rows.
    """

    family: str
    spelling: str
    block: str
    names: tuple[str, ...]
    activations: tuple[str, ...]
    shape: ConstantFit
    censoring: bool
    aic: float
    bic: float
    delta_aic: float
    delta_bic: float


@dataclass(frozen=True)
class Ranking:
    """Families in blocks of comparable scores, the best first.

    Families outside the blocks are `failed` {name: reason} or `unranked` {name: what it needs}.
    """

    column: Column
    ranked: tuple[Ranked, ...]
    failed: dict[str, str]
    unranked: dict[str, str]
    notes: tuple[str, ...]

    def block(self, name: str) -> tuple[Ranked, ...]:
        """The families of one of BLOCKS, in order."""
        return tuple(row for row in self.ranked if row.block == name)

    def document(self, top: int | None) -> dict[str, Yaml]:
        """The ranking as JSON, with at most `top` families in a block."""
        column = asdict(self.column)
        return {
            "target": column.pop("name"), **column,
            "blocks": {name: [_document(row) for row in self.block(name)[:top]] for name in BLOCKS if self.block(name)},
            "failed": self.failed, "unranked": self.unranked, "notes": list(self.notes),
        }  # fmt: skip


def ranking(source: str, target: str, weight: str | None = None, support: str | None = None) -> Ranking:
    """Rank the families whose support contains every number of the column `target` in the files of `source`.

    Raises UsageError for an unknown kind of support, DataError if the column is missing, text, incomplete, or fits no family.
    """
    # A combinator is listed with an example family: discretized(normal).
    allowed = [row["family"].partition("(")[0] for row in listing(support)]
    y, weights = _columns(source, target, weight)
    numbers, distinct = Sample.of(y, weights), np.unique(y)
    unranked = {name: reason for name in allowed if (reason := _not_ranked(name))}
    fits, failed = [], {}
    for name in (name for name in allowed if name not in unranked):
        family, placed = _placed(name, distinct, numbers)
        if family is None or (placed is numbers and not bool(np.all(family.support.contains(distinct)))):
            continue
        fitted = _fitted(family, placed)
        if isinstance(fitted, str):
            failed[family.name] = fitted
        else:
            fits.append((family, fitted))
    if not fits and not failed:
        what = f"no family{f' of {support} targets' if support else ''} can produce every value of `{target}`"
        raise DataError(Finding("no-family", what, column_location(source, target), hints=("`disttrain families` lists the supports",)))
    column = Column(target, len(y), len(distinct), len(numbers.scored), float(y.min()), float(y.max()), float(y.mean()), _skewness(y))
    return Ranking(column, tuple(_ranked(fits, column.rows)), failed, unranked, _notes(fits, target, y))


def _columns(source: str, target: str, weight: str | None) -> tuple[Array, Array | None]:
    """The numbers of the target and their weights, without rows of weight 0. Only these columns are read. Raises DataError."""
    rows = Source(files(source, Path.cwd()), configured=False)
    schema = Schema((), (target,), weight)
    schema.check(rows, target=True)
    read = rows.read(schema.forms(target=True))
    require_total(rows, read.total)
    with located(rows.origin):
        target_values = read_target(read.table, (target,), kind="number")
        require_complete(target_values)
        weights = None if weight is None else read_weight(read.table, weight)
    y = target_values.values
    if weights is not None:
        y, weights = y[weights > 0], weights[weights > 0]
    if len(y) < 2:
        what = f"{len(y)} row{'s' if len(y) != 1 else ''}{' of positive weight' if weight else ''} cannot tell a shape"
        raise DataError(Finding("too-few-rows", what, column_location(rows.origin.names[0], target), hints=("more data",)))
    return y, weights


def _not_ranked(name: str) -> str | None:
    """The reason why a family is not ranked on any column of numbers; None if it can be ranked."""
    signature = inspect.signature(FAMILIES[name]).parameters.values()
    needed = [option.name for option in signature if option.default is option.empty and option.name != "classes"]
    if needed:
        return f"needs {', '.join(needed)}"
    family = build(name, {"classes": 2})
    if family.event:
        return "vectors"
    # Any number is also an angle, and densities of wrapped angles are not comparable.
    return "angles" if any(parameter.support.kind == "angle" for parameter in family.parameters) else None


def _placed(name: str, distinct: Array, numbers: Sample) -> tuple[Family | None, Sample]:
    """The family and its numbers: class codes for families of labels if the numbers can be labels. The family is None otherwise."""
    if "classes" not in inspect.signature(FAMILIES[name]).parameters:
        return build(name, {}), numbers
    if not (2 <= len(distinct) <= _CLASSES and np.all(distinct % 1 == 0)):
        return None, numbers
    return build(name, {"classes": len(distinct)}), numbers.as_codes()


def _fitted(family: Family, numbers: Sample) -> ConstantFit | str:
    """The constant fit of a family, or the reason why there is none."""
    try:
        shape = shape_of(family, numbers)
    # A failure of one family is reported with the results of the others.
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}".split("\n")[0][:200]
    return shape if math.isfinite(shape.nll) else "its likelihood is not finite at the best constants found"


def _ranked(fits: Iterable[tuple[Family, ConstantFit]], rows: int) -> list[Ranked]:
    """The families in order. Only the shares of the weights count: equal weights for all rows change nothing."""
    scored = []
    for family, shape in fits:
        block = "probabilities" if family.support.discrete else "mixed" if shape.mixed else "densities"
        names = tuple(parameter.name for parameter in family.parameters)
        activations = tuple("given" if p.given is not None else default_name(p) for p in family.parameters)
        aic = 2.0 * shape.constants + 2.0 * rows * shape.nll
        scored.append((block, aic, aic + shape.constants * (math.log(rows) - 2.0), family, names, activations, shape))
    least = {block: min(row[1] for row in scored if row[0] == block) for block in {row[0] for row in scored}}
    lowest = {block: min(row[2] for row in scored if row[0] == block) for block in least}
    ranked = [
        Ranked(
            family.name, spelled(family.name), block, names, activations, shape, family.tails, aic, bic, aic - least[block], bic - lowest[block]
        )
        for block, aic, bic, family, names, activations, shape in scored
    ]  # fmt: skip
    return sorted(ranked, key=lambda row: (BLOCKS.index(row.block), row.delta_aic, row.family))


def _notes(fits: Iterable[tuple[Family, ConstantFit]], target: str, y: Array) -> tuple[str, ...]:
    """A warning about repeated values if densities are ranked."""
    dense = any(not family.support.discrete and not shape.mixed for family, shape in fits)
    return tie_notes(build("normal" if y.min() <= 0 else "gamma", {}), target, y) if dense else ()


def _skewness(y: Array) -> float:
    std = float(y.std())
    return float((((y - y.mean()) / std) ** 3).mean()) if std > 0 else 0.0


def _document(row: Ranked) -> dict[str, Yaml]:
    shape, names = row.shape, ("aic", "bic", "delta_aic", "delta_bic", "censoring")
    return {
        "family": row.family, "distribution": row.spelling, "parameters": dict(shape.parameters), "activations": list(row.activations),
        "constants": shape.constants, "nll": shape.nll, **{name: getattr(row, name) for name in names},
    }  # fmt: skip
