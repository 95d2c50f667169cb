"""Ranking: how well each family fits a column of numbers without any feature."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from disttrain import data as rooms
from disttrain.data import Schema, Source
from disttrain.errors import DataError, Finding
from disttrain.families import FAMILIES, Family, build, default_name, spelled
from disttrain.preparation.load import require_total
from disttrain.preparation.ties import tie_notes
from disttrain.selection.constant_fits import ConstantFit, Sample, shape_of
from disttrain.selection.family_docs import listing

Array = np.ndarray[Any, Any]

# A column of more distinct whole numbers than this counts or measures; it does not name classes.
_CLASSES = 20
# Kinds of scores that may be compared with each other only.
BLOCKS = ("probabilities", "densities", "mixed")


@dataclass(frozen=True)
class Column:
    """The numbers that families are ranked on: `rows` of them, scored as so many `groups` of neighbours, or as that many distinct values."""

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
    """One family in a ranking: nats per row in target units, and Akaike's and Schwarz's criteria with their distance from the best.

    `spelling` is the family as a config names it. AIC = 2k + 2n·nll and BIC = k log n + 2n·nll for k learned constants and n rows scored.
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
    """Families in blocks of comparable scores, the best first, and those that are in none: `failed` {name: reason}, `unranked` {name: what it needs}."""

    column: Column
    ranked: tuple[Ranked, ...]
    failed: dict[str, str]
    unranked: dict[str, str]
    notes: tuple[str, ...]

    def block(self, name: str) -> tuple[Ranked, ...]:
        """The families of one of BLOCKS, in order."""
        return tuple(row for row in self.ranked if row.block == name)

    def document(self, top: int | None) -> dict[str, Any]:
        """The ranking as JSON, with at most `top` families in a block."""
        column = asdict(self.column)
        return {
            "target": column.pop("name"), **column,
            "blocks": {name: [_document(row) for row in self.block(name)[:top]] for name in BLOCKS if self.block(name)},
            "failed": self.failed, "unranked": self.unranked, "notes": list(self.notes),
        }  # fmt: skip


def ranking(source: str, target: str, weight: str | None = None, support: str | None = None) -> Ranking:
    """Rank the families whose support holds every number of the column `target` of the files that `source` names.

    Raises UsageError for an unknown kind of support; DataError where the column is missing, text, incomplete, or fits no family.
    """
    # A combinator is listed with the family it is shown for: discretized(normal).
    allowed = [row["family"].partition("(")[0] for row in listing(support)]
    y, weights = _columns(source, target, weight)
    numbers, distinct = Sample.of(y, weights), np.unique(y)
    unranked = {name: reason for name in allowed if (reason := _not_ranked(name))}
    found, failed = [], {}
    for name in (name for name in allowed if name not in unranked):
        family, placed = _placed(name, distinct, numbers)
        if family is None or (placed is numbers and not bool(np.all(family.support.contains(distinct)))):
            continue
        fitted = _fitted(family, placed)
        if isinstance(fitted, str):
            failed[family.name] = fitted
        else:
            found.append((family, fitted))
    if not found and not failed:
        what = f"no family{f' of {support} targets' if support else ''} can produce every value of `{target}`"
        raise DataError(Finding("no-family", what, rooms.column_place(source, target), hints=("`disttrain families` lists the supports",)))
    column = Column(target, len(y), len(distinct), len(numbers.scored), float(y.min()), float(y.max()), float(y.mean()), _skewness(y))
    return Ranking(column, tuple(_ranked(found, column.rows)), failed, unranked, _notes(found, target, y))


def _columns(source: str, target: str, weight: str | None) -> tuple[Array, Array | None]:
    """The numbers of the target and their weights, rows of weight 0 left out; no other column is read. Raises DataError."""
    rows = Source(rooms.files(source, Path.cwd()), configured=False)
    origin, schema = rows.origin, Schema((), (target,), weight)
    schema.check(rows, target=True)
    read = rows.read(schema.forms(target=True))
    require_total(rows, read.total)
    table = read.table
    found = rooms.read_target(table, (target,), kind="number", origin=origin)
    rooms.require_complete(found, origin)
    y, weights = found.values, None
    if weight is not None:
        weights = rooms.read_weight(table, weight, origin)
        y, weights = y[weights > 0], weights[weights > 0]
    if len(y) < 2:
        what = f"{len(y)} row{'s' if len(y) != 1 else ''}{' of positive weight' if weight else ''} cannot tell a shape"
        raise DataError(Finding("too-few-rows", what, rooms.column_place(origin.names[0], target), hints=("more data",)))
    return y, weights


def _not_ranked(name: str) -> str | None:
    """Why a family is not ranked on a column of numbers, whatever they are; None where it can be."""
    signature = inspect.signature(FAMILIES[name]).parameters.values()
    needed = [option.name for option in signature if option.default is option.empty and option.name != "classes"]
    if needed:
        return f"needs {', '.join(needed)}"
    family = build(name, {"classes": 2})
    if family.event:
        return "vectors"
    # Any number is an angle too, and the density of a wrapped one is no rival.
    return "angles" if any(parameter.support.kind == "angle" for parameter in family.parameters) else None


def _placed(name: str, distinct: Array, numbers: Sample) -> tuple[Family | None, Sample]:
    """The family, and the numbers as it takes them: codes of classes for families of labels, where the numbers can be such."""
    if "classes" not in inspect.signature(FAMILIES[name]).parameters:
        return build(name, {}), numbers
    if not (2 <= len(distinct) <= _CLASSES and np.all(distinct % 1 == 0)):
        return None, numbers
    return build(name, {"classes": len(distinct)}), numbers.as_codes()


def _fitted(family: Family, numbers: Sample) -> ConstantFit | str:
    """The shape of a family, or why there is none."""
    try:
        shape = shape_of(family, numbers)
    # Whatever goes wrong in one of many families is told beside the others, not instead of them.
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}".split("\n")[0][:200]
    return shape if math.isfinite(shape.nll) else "its likelihood is not finite at the best constants found"


def _ranked(found: Iterable[tuple[Family, ConstantFit]], rows: int) -> list[Ranked]:
    """The families in order. Weights count as their share: weights of 10 for every row are as good as none."""
    made = []
    for family, shape in found:
        block = "probabilities" if family.support.discrete else "mixed" if shape.mixed else "densities"
        names = tuple(parameter.name for parameter in family.parameters)
        activations = tuple("given" if p.given is not None else default_name(p) for p in family.parameters)
        aic = 2.0 * shape.constants + 2.0 * rows * shape.nll
        made.append((block, aic, aic + shape.constants * (math.log(rows) - 2.0), family, names, activations, shape))
    least = {block: min(row[1] for row in made if row[0] == block) for block in {row[0] for row in made}}
    lowest = {block: min(row[2] for row in made if row[0] == block) for block in least}
    ranked = [
        Ranked(
            family.name, spelled(family.name), block, names, activations, shape, family.tails, aic, bic, aic - least[block], bic - lowest[block]
        )
        for block, aic, bic, family, names, activations, shape in made
    ]  # fmt: skip
    return sorted(ranked, key=lambda row: (BLOCKS.index(row.block), row.delta_aic, row.family))


def _notes(found: Iterable[tuple[Family, ConstantFit]], target: str, y: Array) -> tuple[str, ...]:
    """The warning of repeated values, once, where densities are ranked."""
    dense = any(not family.support.discrete and not shape.mixed for family, shape in found)
    return tie_notes(build("normal" if y.min() <= 0 else "gamma", {}), target, y) if dense else ()


def _skewness(y: Array) -> float:
    spread = float(y.std())
    return float((((y - y.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def _document(row: Ranked) -> dict[str, Any]:
    shape, names = row.shape, ("aic", "bic", "delta_aic", "delta_bic", "censoring")
    return {
        "family": row.family, "distribution": row.spelling, "parameters": dict(shape.parameters), "activations": list(row.activations),
        "constants": shape.constants, "nll": shape.nll, **{name: getattr(row, name) for name in names},
    }  # fmt: skip
