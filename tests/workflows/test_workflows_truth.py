"""Data whose truth is known: the NLL of a fit is the entropy of the truth plus the divergence from it, within sampling error."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import scipy.stats

from disttrain.families import facts
from tests.small_runs import CONFIGS, SAMPLES, fitted

CASES = {
    "gaussian": "wave",
    "gamma": "claims",
    "student_t": "returns",
    "negative_binomial": "visits",
    "bernoulli": "admissions",
    "claim_counts": "policies",
    "categorical_softmax": "grains",
}
NODES = np.linspace(-8.0, 8.0, 161)
COUNTS = np.arange(400)


def frozen(family, parameters):
    """The scipy distribution of rows, broadcastable against a leading axis."""
    return eval(facts(family).lines["scipy"], {"__builtins__": {}}, {**vars(scipy.stats), "exp": np.exp, **parameters})


def expectations(family, truth, predicted):
    """Per row: the entropy of the truth, and the mean under the truth of -log q, in nats."""
    if family == "categorical":
        p, q = truth["probs"], predicted["probs"]
        return -(p * np.log(p)).sum(0), -(p * np.log(q)).sum(0)
    true, model = frozen(family, truth), frozen(family, predicted)
    if isinstance(true.dist, scipy.stats.rv_discrete):
        p = true.pmf(COUNTS[:, None])
        assert p.sum(0) == pytest.approx(1, abs=1e-6)
        log_p, log_q = true.logpmf(COUNTS[:, None]), model.logpmf(COUNTS[:, None])
        possible = p > 0
        return tuple(-np.where(possible, p * np.where(possible, log, 0), 0).sum(0) for log in (log_p, log_q))
    # y = Q(Phi(z)) with z normal: a smooth integrand, for which the trapezoidal rule is as good as any.
    weight = scipy.stats.norm.pdf(NODES) * (NODES[1] - NODES[0])
    lower = true.ppf(scipy.stats.norm.cdf(NODES[NODES <= 0, None]))
    upper = true.isf(scipy.stats.norm.sf(NODES[NODES > 0, None]))
    y = np.concatenate([lower, upper])
    return tuple(-(weight[:, None] * d.logpdf(y)).sum(0) for d in (true, model))


def observed(family, truth, predicted, y):
    """Per row: -log p and -log q of what happened."""
    if family == "categorical":
        return tuple(-np.log(np.take_along_axis(d["probs"], y[None], 0)[0]) for d in (truth, predicted))
    both = [frozen(family, parameters) for parameters in (truth, predicted)]
    return tuple(-(d.logpmf if isinstance(d.dist, scipy.stats.rv_discrete) else d.logpdf)(y) for d in both)


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request, tmp_path_factory):
    """A fit of a few epochs, and of its test rows: family, true and predicted parameters, targets."""
    run = fitted(CONFIGS / f"{request.param}.yaml", tmp_path_factory.mktemp(request.param) / "run", "training.epochs=10")
    predictions = run.predictions
    predictions = predictions.filter(pc.equal(predictions["split"], "test"))
    found = json.loads(predictions.schema.metadata[b"disttrain"])
    source = pq.read_table(SAMPLES / f"{CASES[request.param]}.parquet").take(predictions["row"])
    columns = {name: [columns] if isinstance(columns, str) else columns for name, columns in found["parameters"].items()}
    truth = {name: np.stack([source[f"true_{c}"].to_numpy() for c in several]) for name, several in columns.items()}
    predicted = {name: np.stack([predictions[c].to_numpy() for c in several]) for name, several in columns.items()}
    if found["family"] != "categorical":
        truth, predicted = ({name: value[0] for name, value in d.items()} for d in (truth, predicted))
    target = json.loads((run.folder / "data.json").read_text())["target"]["columns"][0]
    y = source[target].to_pylist()
    y = np.array([found["labels"].index(label) for label in y] if found["labels"] else y).astype(int if found["labels"] else float)
    return run, found["family"], truth, predicted, y


def within(sample, expected):
    """How many standard errors the mean of a sample is away from its expectation."""
    return abs((sample - expected).mean()) / ((sample - expected).std(ddof=1) / np.sqrt(len(sample)))


def test_the_nll_is_the_entropy_of_the_truth_plus_the_divergence_from_it(case):
    run, family, truth, predicted, y = case
    entropy, cross_entropy = expectations(family, truth, predicted)
    divergence = cross_entropy - entropy
    _, model_nll = observed(family, truth, predicted, y)
    assert model_nll.mean() == pytest.approx(run.nll("test"), rel=1e-9)
    assert divergence.min() > -1e-6
    assert within(model_nll, entropy + divergence) < 4


def test_no_fit_beats_the_truth_by_more_than_chance(case):
    run, family, truth, predicted, y = case
    entropy, _ = expectations(family, truth, predicted)
    true_nll, model_nll = observed(family, truth, predicted, y)
    assert within(true_nll, entropy) < 4
    excess = model_nll - true_nll
    assert excess.mean() > -4 * excess.std(ddof=1) / np.sqrt(len(excess))
    assert run.nll("test") >= entropy.mean() - 4 * (true_nll - entropy).std(ddof=1) / np.sqrt(len(y))


def test_a_fit_comes_closer_to_the_truth_than_the_marginal_model(case):
    run, family, truth, predicted, _ = case
    entropy, cross_entropy = expectations(family, truth, predicted)
    nll = run.finished.evaluations["test"].document["metrics"]["nll"]
    assert (cross_entropy - entropy).mean() < nll["baseline"] - entropy.mean()
    assert nll["gain"] > 0
