"""Simulated studies with known truth: a split by rows makes forecasts of new subjects too sure, and one by subjects does not."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.small_runs import fitted, write_config

BETWEEN, WITHIN, VISITS = 1.0, 0.1, 20
# What is known of a new subject is nothing but its visit: the best forecast is the normal of both spreads.
BEST = 0.5 * math.log(2 * math.pi * math.e * (BETWEEN**2 + WITHIN**2))


def study(subjects, first=0, seed=0):
    """Visits of subjects whose level has nothing to do with their attributes, by which they can yet be told from one another."""
    rng = np.random.default_rng([seed, first])
    subject = np.repeat(np.arange(subjects), VISITS)
    columns = {f"a{n}": rng.normal(size=subjects)[subject] for n in range(4)}
    visit = np.tile(np.arange(VISITS), subjects)
    y = BETWEEN * rng.normal(size=subjects)[subject] + WITHIN * rng.normal(size=len(subject))
    return pa.table(columns | {"visit": visit, "subject": subject + first, "y": y})


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 4])
def test_scores_of_rows_at_random_are_falsely_good_and_those_of_groups_are_true(members, tmp_path):
    pq.write_table(study(60), tmp_path / "study.parquet")
    pq.write_table(study(400, 1_000), tmp_path / "new.parquet")
    validation, new, warnings = {}, {}, {}
    for rule, by in (("random", {}), ("group", {"by": "subject"})):
        method = "per_member" if members > 1 else rule
        document = {
            "recipe": "plain",
            "distribution": "normal",
            "data": {
                "train": "study.parquet",
                "test": "new.parquet",
                "target": "y",
                "features": ["a0", "a1", "a2", "a3", "visit"],
                "validation": 0.25,
                "split": {"method": method} | by,
            },
            "network": {"hidden": [64, 64], "members": members},
            "training": {"epochs": 200, "optimizer": {"name": "adamw", "lr": 3e-3}},
            "evaluation": {"metrics": ["nll"]},
        }
        run = fitted(write_config(tmp_path / f"{rule}.yaml", document), tmp_path / rule)
        validation[rule] = np.nanmin(pq.read_table(run.folder / "history.parquet")["validation_nll"].to_numpy())
        new[rule] = run.nll("test")
        warnings[rule] = [text for text in run.events[0].warnings if "rows of a value" in text]
    # Members watch 60 subjects in all, one network 15, of which each costs 0.5 χ² nats: a standard deviation of 0.71.
    error = 0.71 / math.sqrt(60 if members > 1 else 15)
    assert validation["random"] < BEST - 1.0
    assert new["random"] > BEST + 10.0
    assert abs(validation["group"] - BEST) < 3 * error
    assert BEST - 0.15 < new["group"] < BEST + 0.25
    assert [len(warnings[rule]) for rule in ("random", "group")] == [1, 0]
