"""Mistakes in what is said of how targets were seen: the exit code and the screen of each, before any work."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import linear, write_config, write_table

ROWS, NAN, INF = 60, float("nan"), float("inf")
OVERRIDES = ("--set", "predictions.columns=[parameters]", "--set", "evaluation.metrics=[nll]")
AT = {"censoring": {"event": "event"}}
BETWEEN = {"target": None, "censoring": {"lower": "lo", "upper": "hi"}}
KEYS = {
    "exposure": ("poisson", {"target": "count", "exposure": "years"}),
    "trials": ("binomial", {"target": "count", "trials": "n"}),
    "weight": ("gamma", {"weight": "w"}),
    "split_weight": ("gamma", {"weight": "w", "validation": {"column": "event", "values": [1]}}),
    "offset": ("gamma", {"offset": {"rate": "base"}}),
    "event": ("gamma", AT),
    "between": ("gamma", BETWEEN),
    "target_between": ("gamma", {"censoring": BETWEEN["censoring"]}),
    "entry": ("gamma", {"censoring": {"entry": "late"}}),
    "limit": ("gamma", {"censoring": {"limit": "limit"}}),
    "deductible": ({"family": "truncated", "of": "gamma", "lower": "late"}, {}),
}
ALL = slice(None)

# Of each mistake: the keys, what stands in some rows of a column, and the finding with the rows it names.
WRONG = (
    ("exposure", {"years": ([3, 7], [0.0, -1.0])}, "bad-exposure", (3, 7)),
    ("exposure", {"years": ([9, 11], [None, NAN])}, "missing-exposure", (9, 11)),
    ("exposure", {"years": ([5], [INF])}, "bad-exposure", (5,)),
    ("weight", {"w": (ALL, [0.0] * ROWS)}, "no-weight", ()),
    ("split_weight", {"w": (ALL, [0.0, 1.0] * 30)}, "no-weight", ()),
    ("split_weight", {"w": (ALL, [1.0, 0.0] * 30)}, "no-weight", ()),
    ("weight", {"w": ([2], [-1.0])}, "negative-weight", (2,)),
    ("event", {"event": ([2, 5, 6], [2.0, None, 0.5])}, "bad-event", (2, 5, 6)),
    ("event", {"event": (ALL, [0.0] * ROWS)}, "no-events", ()),
    ("between", {"hi": ([4, 8], [0.01, 0.001])}, "reversed-interval", (4, 8)),
    ("between", {"lo": ([4], [None]), "hi": ([4], [NAN])}, "missing-target", (4,)),
    ("target_between", {name: ([6], [None]) for name in ("y", "lo", "hi")}, "missing-target", (6,)),
    ("event", {"y": ([6], [None])}, "missing-target", (6,)),
    ("entry", {"late": ([4, 8], [500.0, 900.0])}, "late-entry", (4, 8)),
    ("entry", {"y": ([4], [3.0]), "late": ([4], [3.0])}, "late-entry", (4,)),
    ("limit", {"limit": ([4], [-3.0])}, "target-outside-support", (4,)),
    ("trials", {"count": ([4], [12.0])}, "target-outside-support", (4,)),
    ("trials", {"n": ([4, 5], [8.5, -1.0])}, "bad-total-count", (4, 5)),
    ("trials", {"n": ([4], [None])}, "missing-total-count", (4,)),
    ("offset", {"base": ([4], [NAN])}, "missing-offset", (4,)),
    ("offset", {"base": ([4], [-INF])}, "bad-offset", (4,)),
    ("deductible", {"late": ([3], [99.0])}, "target-outside-support", (3,)),
    ("deductible", {"late": ([3], [None])}, "missing-lower", (3,)),
)
# Of what looks like a mistake and is none: the keys, what stands in some rows of a column, and how `check` says the targets were seen.
ALLOWED = (
    ("limit", {"limit": (slice(0, 50), [None] * 50)}, "60 used"),
    ("between", {"hi": ([2, 3, 4], [INF, None, NAN])}, "60 used: 3 right-censored, 57 in an interval"),
    ("between", {"lo": ([2, 3], [-INF, None])}, "60 used: 2 left-censored, 58 in an interval"),
    ("target_between", {"y": ([2, 3], [None, NAN])}, "60 used: 60 in an interval"),
    ("target_between", {"lo": ([2], [None]), "hi": ([2], [None])}, "60 used: 1 exact, 59 in an interval"),
    ("entry", {"late": ([2, 3], [None, -INF])}, "60 used: 60 exact, 58 with an entry"),
    ("trials", {"n": ([2], [0.0]), "count": ([2], [0.0])}, "60 used"),
    ("weight", {"w": ([2], [0.0])}, "60 used"),
)
MISSING = {"exposure": ("years", "`data.exposure`"), "event": ("event", "`data.censoring.event`"), "offset": ("base", "`data.offset.rate`")}


def columns():
    rng = np.random.default_rng(1)
    y = rng.gamma(2.0, 1.0, ROWS) + 0.1
    plain = {"x": rng.normal(size=ROWS), "y": y, "count": np.minimum(rng.poisson(2.0, ROWS), 9), "n": np.full(ROWS, 9.0)}
    seen = {"event": np.tile([0.0, 1.0], 30), "lo": y, "hi": y + 1.0, "late": np.zeros(ROWS), "limit": np.full(ROWS, 50.0)}
    return plain | seen | {"years": rng.uniform(0.1, 1.0, ROWS), "w": np.ones(ROWS), "base": rng.normal(size=ROWS)}


def table_of(changes):
    made = {}
    for name, values in columns().items():
        column = values.astype(object)
        if name in changes:
            rows, others = changes[name]
            column[rows] = others
        made[name] = pa.array(column.tolist())
    return pa.table(made)


def prepared(here, kind, changes=None):
    """The config of a kind, and its data with some rows changed."""
    write_table(here / "seen.parquet", table_of(changes or {}))
    family, keys = KEYS[kind]
    data = {"train": "seen.parquet", "target": "y", "features": ["x"], **keys}
    document = linear(
        {"recipe": "plain", "distribution": family, "data": {key: value for key, value in data.items() if value is not None}}, epochs=2
    )
    document["data"]["validation"] = keys.get("validation")
    write_config(here / "seen.yaml", document)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(code, *arguments):
    """What a command that must end with `code` writes to stderr."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert "bug in disttrain" not in result.output
    return result.stderr


@pytest.mark.parametrize(("kind", "changes", "finding", "rows"), WRONG)
def test_what_cannot_have_been_seen_is_a_data_error_that_names_its_rows(here, kind, changes, finding, rows):
    prepared(here, kind, changes)
    for command in ("check", "fit"):
        screen = said(3, command, "seen.yaml")
        assert screen.startswith(f"error[{finding}]")
        assert "--> seen.parquet, column `" in screen
        for row in rows:
            assert re.search(rf"\| row +{row}\b", screen)
    assert not (here / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "changes", "seen"), ALLOWED)
def test_an_empty_or_infinite_end_is_an_open_one(here, kind, changes, seen):
    prepared(here, kind, changes)
    checked = CliRunner().invoke(app, ["check", "seen.yaml", *OVERRIDES])
    assert re.search(rf": {seen}$", checked.output, re.MULTILINE), checked.output
    said(0, "fit", "seen.yaml", *OVERRIDES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MISSING)
def test_a_file_without_a_needed_column_says_which_key_needs_it(here, kind):
    column, key = MISSING[kind]
    prepared(here, kind)
    said(0, "fit", "seen.yaml", *OVERRIDES)
    write_table(here / "new.parquet", pq.read_table("seen.parquet").drop_columns([column]))
    lacking = f"error[missing-column]: there is no column `{column}`, {key}\n  --> new.parquet\n"
    assert said(3, "evaluate", "--data", "new.parquet").startswith(f"{lacking}  = hint: ")
    # What was seen of a target is no concern of its forecast; an exposure and an offset are.
    if kind == "event":
        said(0, "predict", "--data", "new.parquet", "-o", "out.parquet")
        return
    assert said(3, "predict", "--data", "new.parquet", "-o", "out.parquet").startswith(f"{lacking}  = hint: ")
    assert not (here / "out.parquet").exists()


def test_a_row_without_an_exposure_has_no_forecast_and_no_score(here):
    prepared(here, "exposure")
    said(0, "fit", "seen.yaml", *OVERRIDES)
    write_table(here / "new.parquet", table_of({"years": ([5, 6], [None, 0.0])}))
    for command in (("predict", "-o", "out.parquet"), ("evaluate",)):
        screen = said(3, *command, "--data", "new.parquet")
        assert "error[missing-exposure]" in screen
        assert "error[bad-exposure]" in screen
        assert "| row 5 " in screen
        assert "| row 6 " in screen
    assert not (here / "out.parquet").exists()


EXPOSURE = """\
error[missing-exposure]: 1 value is missing: the exposure of a row is never imputed
  --> seen.parquet, column `years`
   | row 9  nan   (the first row is 0)
  = hint: mend the rows, or take them out with `data.filter`

error[bad-exposure]: 4 values are not possible: an exposure is a number > 0
  --> seen.parquet, column `years`
   | row 3   0   (the first row is 0)
   | row 7  -1
   | row 8   0   ... 1 more
  = hint: mend the rows, or take them out with `data.filter`
"""
TRIALS = """\
error[target-outside-support]: `count` has 2 values above the `n` of their row, the total_count of binomial
  --> seen.parquet, column `count`
   | row 4  12 > 9   (the first row is 0)
   | row 7  10 > 9
  = hint: mend the rows, or take them out with `data.filter`
"""
REVERSED = """\
error[reversed-interval]: 2 rows have a lower end above the upper one
  --> seen.parquet, column `lo, hi`
   | row 4   0.25 .. 0.01   (the first row is 0)
   | row 8  0.75 .. 0.001
"""
LIMIT = """\
error[target-outside-support]: `y, limit` has 1 value that gamma cannot produce
  --> seen.parquet, column `y, limit`: gamma needs y > 0
   | row 4  -3   (the first row is 0)
  = hint: families that can: cauchy, gumbel, laplace, logistic, normal, student_t
"""
WEIGHTS = """\
error[no-weight]: all weights of the validation rows are 0, so no row counts
  --> seen.parquet, column `w`
"""
GOLDEN = (
    ("exposure", {"years": ([3, 7, 8, 9, 12], [0.0, -1.0, 0.0, None, -2.0])}, EXPOSURE),
    ("trials", {"count": ([4, 7], [12.0, 10.0])}, TRIALS),
    ("between", {"lo": ([4, 8], [0.25, 0.75]), "hi": ([4, 8], [0.01, 0.001])}, REVERSED),
    ("limit", {"limit": ([4], [-3.0])}, LIMIT),
    ("split_weight", {"w": (ALL, [1.0, 0.0] * 30)}, WEIGHTS),
)


@pytest.mark.parametrize(("kind", "changes", "screen"), GOLDEN, ids=[kind for kind, _, _ in GOLDEN])
def test_the_screens_are_these(here, kind, changes, screen):
    prepared(here, kind, changes)
    assert said(3, "fit", "seen.yaml").strip() == screen.strip()


def test_counts_above_one_without_trials_are_told_of_the_key(here):
    prepared(here, "trials")
    assert "= hint: the number of trials of each row is a column, `data.trials`," in said(
        3, "fit", "seen.yaml", "--set", "data.trials=null"
    )


# Of each word that does not belong: the keys with it, and the first line of the screen.
REFUSED = (
    ("normal", {"exposure": "years"}, "not-supported]: `exposure` multiplies the mean of counts and totals, and normal has no parameter"),
    (
        {"family": "hurdle", "of": "poisson"},
        {"exposure": "years"},
        "not-supported]: `exposure` multiplies the mean of counts and totals, and hurdle",
    ),
    (
        {"family": "mixture", "of": {"family": "truncated", "of": "poisson", "upper": 9}},
        {"exposure": "years"},
        "not-supported]: `exposure` multiplies the mean of counts and totals, and mixture(truncated(poisson), 2) has no",
    ),
    ("gamma", {"offset": {"rat": "base"}}, "unknown-key]: `rat` is not a parameter of gamma"),
    ("gamma", {"trials": "n"}, "conflict]: `gamma` does not count successes out of trials"),
    ({"family": "binomial", "total_count": 9}, {"trials": "n"}, "conflict]: `data.trials` gives the number of trials of each row, and"),
    ("gamma", {"censoring": {"event": "event", "lower": "lo"}}, "conflict]: `event` and `lower` both say what is known of a target"),
    ("gamma", {"censoring": {"rounding": 0}}, "out-of-range]: `rounding` must be more than 0, not `0`"),
    ("poisson", {"censoring": {"rounding": 1}}, "conflict]: `rounding` is for measurements, and poisson gives probabilities to single"),
    ("categorical", AT, "not-supported]: categorical has no likelihood for rows that were not seen exactly"),
    ("von_mises", AT, "not-supported]: von_mises has no likelihood for rows that were not seen exactly"),
    ("gamma", {"target": None, "censoring": {"lower": "lo"}}, "missing-key]: `target` is missing"),
)


@pytest.mark.parametrize(("family", "keys", "line"), REFUSED)
def test_a_key_that_does_not_suit_the_family_is_a_config_error(here, family, keys, line):
    data = {"train": "none.parquet", "target": "y", "features": ["x"], **keys}
    write_config(
        here / "seen.yaml",
        {"recipe": "plain", "distribution": family, "data": {key: value for key, value in data.items() if value is not None}},
    )
    for command in ("check", "fit", "explain"):
        screen = said(2, command, "seen.yaml")
        assert screen.startswith(f"error[{line}")
        assert "--> seen.yaml:" in screen


def test_the_hint_of_an_exposure_of_a_hurdle_is_accepted(here):
    prepared(here, "exposure")
    hurdle = "distribution={family: hurdle, of: poisson}"
    assert "= hint: `family: zero_inflated` in the place of hurdle" in said(2, "check", "seen.yaml", "--set", hurdle)
    said(0, "check", "seen.yaml", "--set", hurdle.replace("hurdle", "zero_inflated"))
