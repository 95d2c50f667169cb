"""Vectors made of other families, through the whole program: units far apart, ends and atoms that each target has in its own unit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from disttrain.families import build
from tests.small_runs import fitted, linear, write_config, write_table

ROWS = 300
TRUNCATED = {"family": "truncated", "of": "normal", "lower": 0.0}
# The targets and the distribution of each case.
CASES = {
    "mixtures": ("cd", {"family": "independent", "of": {"family": "mixture", "of": "normal", "components": 3}}),
    "truncated": ("cd", {"family": "independent", "of": TRUNCATED}),
    "mixtures of truncated": ("cd", {"family": "independent", "of": {"family": "mixture", "of": TRUNCATED, "components": 2}}),
    "a mixture of pairs": ("cd", {"family": "mixture", "of": {"family": "independent", "of": TRUNCATED}, "components": 2}),
    "hurdles": ("ab", {"family": "independent", "of": "hurdle"}),
    "rounded": ("ef", {"family": "independent", "of": {"family": "discretized", "of": "normal"}}),
    "a mixture of low rank": ("acd", {"family": "mixture", "of": {"family": "multivariate_normal", "rank": 1}, "components": 2}),
}


def table():
    """Amounts with zeros, positive amounts and rounded ones, the second of each pair a hundred times larger, of the rounded ones ten times."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=ROWS)
    a, b = (unit * rng.gamma(2.0, 2.0, ROWS) * np.exp(0.3 * x) * (rng.random(ROWS) > share) for unit, share in ((1, 0.3), (100, 0.1)))
    c, d = (unit * np.abs(3.0 + x + rng.normal(size=ROWS)) for unit in (1, 100))
    return pa.table({"x": x, "a": a, "b": b, "c": c, "d": d, "e": a.round(), "f": (b / 10.0).round()})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("data") / "pairs.parquet", table())


def nll_of(written, section, targets):
    """The mean of -log q over the rows from the columns of a file of predictions, in the order in which they are written: nats."""
    family = build(section["family"], {"targets": len(targets), **section})
    columns = [name for name in written.column_names if name not in ("row", "split") and not name.startswith(("mean_", "std_"))]
    values, place = {}, 0
    for parameter in family.parameters:
        size = int(np.prod(parameter.shape))
        numbers = np.stack([written[name].to_numpy() for name in columns[place : place + size]], 1)
        values[parameter.name], place = torch.from_numpy(numbers.reshape(ROWS, *parameter.shape)), place + size
    assert place == len(columns)
    y = torch.from_numpy(np.stack([table()[name].to_numpy() for name in targets], 1))
    return -float(family.distribution(**values).log_prob(y).mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_nll_of_the_written_parameters_is_the_one_in_training_and_in_evaluation(name, data, tmp_path):
    targets, section = CASES[name]
    document = linear(
        {"recipe": "plain", "distribution": section, "data": {"train": str(data), "target": list(targets), "features": ["x"]}}, epochs=3
    )
    run = fitted(write_config(tmp_path / "c.yaml", document), tmp_path / "run")
    again = nll_of(run.predictions, section, targets)
    assert run.nll("train") == pytest.approx(again, rel=1e-12)
    history = [event.train_nll for event in run.events if hasattr(event, "train_nll")]
    # What training reports of an epoch is in the units of the targets too; L-BFGS reports a step before its last.
    assert min(history) == pytest.approx(again, abs=0.05)
    assert again < run.finished.evaluations["train"].document["metrics"]["nll"]["baseline"]
    assert all(np.isfinite(run.predictions[f"{moment}_{target}"].to_numpy()).all() for moment in ("mean", "std") for target in targets)


@pytest.mark.slow
def test_independent_pairs_earn_what_each_earns_alone(data, tmp_path):
    """The second of the pair is a hundred times larger: nothing of one's unit reaches the other."""
    for targets, section in (CASES["truncated"], CASES["hurdles"]):
        documents = [
            {"recipe": "plain", "distribution": given, "data": {"train": str(data), "target": target, "features": ["x"]}}
            for given, target in ((section, list(targets)), *((section["of"], name) for name in targets))
        ]
        runs = [
            fitted(write_config(tmp_path / f"{targets}{n}.yaml", linear(d)), tmp_path / f"{targets}{n}") for n, d in enumerate(documents)
        ]
        together, first, second = (run.nll("train") for run in runs)
        assert together == pytest.approx(first + second, abs=1e-4)
