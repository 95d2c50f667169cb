"""Makes references/NAME.json: log-densities, their slopes and both tails with 60 digits, at the float64 parameters that are stored.

`python -m tests.distributions.make_references [NAME ...]` makes those of some distributions, or of all. Every module `reference_*.py`
beside it that has a table REFERENCES adds its rows; each distribution gets over 200 points, core range and extremes.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf
from mpmath.libmp import NoConvergence

from tests.distributions.reference_point import Point, Reference

mp.dps = 60
HERE = Path(__file__).parent


def references() -> dict[str, Reference]:
    """Every distribution that has a reference."""
    modules = [
        importlib.import_module(f"{__package__}.{path.stem}")
        for path in sorted(HERE.glob("reference_*.py"))
        if path.stem != "reference_point"
    ]
    return {name: reference for module in modules for name, reference in module.REFERENCES.items()}


def short(reference: Reference, point: Point) -> Point:
    """The point at numbers of few digits, which are short to write and read back as the same float64; but not near 1, where they count."""
    whole = {name: name in reference.exact or 0.99 < value < 1.0 for name, value in point.items()}
    return {name: value if whole[name] else float(f"{value:.{reference.digits}g}") for name, value in point.items()}


def scored(reference: Reference, point: Point) -> list[float]:
    """The log-density, 17 digits, and its derivatives in the parameters, 14 digits."""
    values = [mpf(value) for value in point.values()]
    unit = min((abs(y) for y in values[: reference.outcomes] if y), default=mpf(1))
    slopes = []
    for index, name in enumerate(point):
        if index < reference.outcomes or name in reference.constants:
            continue
        # A location of 0 is moved on the scale of its distance from y.
        step = (abs(values[index]) or unit) * mpf(10) ** -20
        moved = [reference.log_density(*(v + sign * step if i == index else v for i, v in enumerate(values))) for sign in (-1, 1)]
        slopes.append((moved[1] - moved[0]) / (2 * step))
    return [float(reference.log_density(*values)), *(float(f"{float(slope):.14g}") for slope in slopes)]


def logs(reference: Reference, point: Point) -> list[float]:
    """log P(Y <= y) and log P(Y > y); nan where mpmath gives up."""
    assert reference.probabilities is not None
    try:
        below, above = reference.probabilities(*map(mpf, point.values()))
    except (NoConvergence, ZeroDivisionError, ValueError):
        return [math.nan, math.nan]
    if not (below > 0 and above > 0):
        return [math.nan, math.nan]
    # Of the tail that is all but 1 the logarithm comes from the other.
    pair = (mp.log1p(-above) if above < below else mp.log(below), mp.log1p(-below) if below < above else mp.log(above))
    return [float(value) for value in pair]


def table(name: str, reference: Reference) -> dict[str, Any]:
    """The rows of one distribution. core, extreme: y, parameters, log-density, slopes; tails: y, parameters, log F, log S."""
    rng = np.random.default_rng(sum(map(ord, name)))
    core = [short(reference, reference.core(rng)) for _ in range(reference.points)]
    extreme = [short(reference, reference.extreme(rng)) for _ in range(reference.points)] + reference.corners
    made: dict[str, Any] = {"parameters": list(core[0])[reference.outcomes :], "constants": list(reference.constants)}
    if reference.outcomes > 1:
        made["outcomes"] = reference.outcomes
    made |= {"target": list(reference.target), "tail_target": reference.tail_target}
    for where, points in (("core", core), ("extreme", extreme)):
        rows = [[*point.values(), *scored(reference, point)] for point in points]
        made[where] = [row for row in rows if all(map(math.isfinite, row))]
    if reference.probabilities is not None:
        some = (core + extreme)[:: max(1, (len(core) + len(extreme)) // reference.tail_points)]
        rows = [[*point.values(), *logs(reference, point)] for point in some]
        made["tails"] = [row for row in rows if all(map(math.isfinite, row))]
    return made


if __name__ == "__main__":
    known = references()
    for name in sys.argv[1:] or known:
        text = json.dumps(table(name, known[name])).replace("[[", "[\n[").replace("], [", "],\n[")
        (HERE / "references" / f"{name}.json").write_text(text + "\n")
        print(name, flush=True)
