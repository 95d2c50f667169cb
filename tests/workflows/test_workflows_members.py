"""Ensembles: the forecast is the equal mixture of the members, for every family and whatever is known of its rows."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import scipy.special
import scipy.stats
import torch

import disttrain
from disttrain import distributions
from disttrain.errors import ConfigError, DataError
from disttrain.evaluation.floors import parameters_at_floor
from disttrain.evaluation.metric_selection import default_metrics
from disttrain.families import FAMILIES
from disttrain.metrics import METRICS
from disttrain.preparation.prepare import prepare
from disttrain.runs.best_weights import BestWeights
from disttrain.validation.config import configuration
from disttrain.validation.options import PredictOptions
from disttrain.workflows.check import check
from disttrain.workflows.explain import explain
from disttrain.workflows.predict import predict
from tests.small_runs import LABELS, built, config_of, family_table, fitted, target_of, write_config, write_table

MEMBERS = 3
QUICK = {
    "training": {"epochs": 4, "batch_size": 32, "optimizer": {"name": "adamw", "lr": 1e-2}},
    "network": {"hidden": [6], "members": MEMBERS},
}


@pytest.fixture(scope="module")
def rows():
    return family_table().slice(0, 60)


@pytest.fixture(scope="module")
def file(rows, tmp_path_factory):
    return str(write_table(tmp_path_factory.mktemp("members") / "rows.parquet", rows))


@pytest.fixture(scope="module")
def ensemble(file, tmp_path_factory):
    """The ensemble of a family, fitted once; scores are asked for where they are tested."""
    runs = {}

    def made(family):
        if family not in runs:
            folder = tmp_path_factory.mktemp(family)
            document = config_of(family, file) | QUICK | {"evaluation": {"metrics": ["nll"]}}
            # By rows that they train on, members are better than the constant model soon.
            document["data"] = document["data"] | {"validation": None}
            runs[family] = fitted(write_config(folder / "ensemble.yaml", document), folder / "run")
        return runs[family]

    return made


def parameters(predictions, family):
    """{parameter: (n, K, *shape)} from the list columns of a predictions file."""
    described, made = json.loads(predictions.schema.metadata[b"disttrain"]), {}
    assert described["members"] == MEMBERS
    for parameter in family.parameters:
        names = described["parameters"][parameter.name]
        assert all(predictions.schema.field(name).type == pa.list_(pa.float64(), MEMBERS) for name in names)
        values = np.stack([np.array(predictions[name].to_pylist()) for name in names], -1)
        if parameter.support.kind == "triangle":
            full = np.zeros((*values.shape[:2], *parameter.shape))
            full[:, :, *np.tril_indices(parameter.shape[0])] = values
            values = full
        made[parameter.name] = values.reshape(len(values), MEMBERS, *parameter.shape)
    return made


def targets(table, family):
    columns = target_of(family)
    if not isinstance(columns, list):
        y = np.array(table[columns].to_pylist())
        return np.searchsorted(sorted(LABELS), y) if y.dtype.kind == "U" else y
    return np.stack([table[column].to_numpy() for column in columns], -1)


def equal(log_densities):
    """-log mean exp over the members, (n, K) to (n,)."""
    return np.log(MEMBERS) - scipy.special.logsumexp(log_densities, axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_forecast_by_the_equal_mixture_of_its_members(family, ensemble, rows):
    run, made = ensemble(family), built(family)
    part = run.predictions.filter(pc.equal(run.predictions["split"], "test"))
    own = {name: torch.from_numpy(value) for name, value in parameters(part, made).items()}
    y = torch.from_numpy(targets(rows.take(part["row"]), family)).double()
    density = made.distribution(**own, validate_args=False).log_prob(y.unsqueeze(1)).numpy()
    assert density.shape == (part.num_rows, MEMBERS)
    # One network for each: their forecasts differ.
    assert all(any(float(value[:, a].sub(value[:, b]).abs().max()) > 0 for value in own.values()) for a, b in ((0, 1), (0, 2), (1, 2)))
    example = disttrain.load(run.folder).model.example()
    scores = run.evaluated(*default_metrics(example)).document["metrics"]
    assert scores["nll"]["value"] == pytest.approx(equal(density).mean(), abs=1e-9)
    assert all(score["value"] is not None and np.isfinite(score["value"]) for score in scores.values())


SCIPY = {
    "normal": lambda p: scipy.stats.norm(p["loc"], p["scale"]),
    "gamma": lambda p: scipy.stats.gamma(p["concentration"], scale=1 / p["rate"]),
    "poisson": lambda p: scipy.stats.poisson(p["rate"]),
    "negative_binomial": lambda p: scipy.stats.nbinom(p["concentration"], p["concentration"] / (p["concentration"] + p["mean"])),
}


@pytest.mark.parametrize("family", SCIPY)
def test_scipy_finds_the_moments_quantiles_and_nll_in_the_list_columns(family, ensemble, rows):
    run = ensemble(family)
    predictions = run.predictions
    law = SCIPY[family](parameters(predictions, built(family)))
    mean = law.mean().mean(1)
    np.testing.assert_allclose(predictions["mean"], mean, rtol=1e-9)
    spread = (law.var() + law.mean() ** 2).mean(1) - mean**2
    np.testing.assert_allclose(predictions["std"], np.sqrt(spread), rtol=1e-9)
    for level, column in ((0.05, "q05"), (0.5, "q50"), (0.95, "q95")):
        q = predictions[column].to_numpy()[:, None]
        if built(family).support.discrete:
            assert (law.cdf(q).mean(1) >= level - 1e-12).all()
            assert (law.cdf(q - 1).mean(1) < level).all()
        else:
            np.testing.assert_allclose(law.cdf(q).mean(1), level, rtol=1e-7)
    part = predictions.filter(pc.equal(predictions["split"], "test"))
    law, y = SCIPY[family](parameters(part, built(family))), targets(rows.take(part["row"]), family)[:, None]
    nll = equal(law.logpmf(y) if built(family).support.discrete else law.logpdf(y)).mean()
    assert run.evaluated("nll").document["metrics"]["nll"]["value"] == pytest.approx(nll, abs=1e-9)


def test_classes_are_scored_by_their_mean_probabilities(ensemble, rows):
    for family in ("categorical", "bernoulli"):
        run = ensemble(family)
        part = run.predictions.filter(pc.equal(run.predictions["split"], "test"))
        y = targets(rows.take(part["row"]), family)
        probs = parameters(part, built(family))["probs"].mean(1)
        scores = run.evaluated("brier", "accuracy").document["metrics"]
        happened = np.eye(3)[y] if family == "categorical" else y
        squares = (probs - happened) ** 2
        assert scores["brier"]["value"] == pytest.approx(squares.sum() / len(y), rel=1e-9)
        forecast = probs.argmax(1) if family == "categorical" else probs > 0.5
        assert scores["accuracy"]["value"] == pytest.approx((forecast == y).mean())


def test_the_mode_of_classes_is_the_likeliest_of_the_mixture(ensemble, file, tmp_path):
    run = ensemble("categorical")
    predict(PredictOptions(run=run.folder, data=file, output=str(tmp_path / "out.parquet"), columns=("parameters", "mode")), tmp_path)
    found = pq.read_table(tmp_path / "out.parquet")
    probs = parameters(found, built("categorical"))["probs"].mean(1)
    assert found["mode"].to_pylist() == [sorted(LABELS)[code] for code in probs.argmax(1)]


def test_what_metrics_say_of_classes_and_angles_they_say_of_their_mixtures():
    probs = torch.tensor([[[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]], dtype=torch.float64)
    classes = distributions.weighted_mixture(distributions.Categorical(probs), (0.5, 0.5))
    nested = distributions.weighted_mixture(
        distributions.weighted_mixture(distributions.Categorical(probs.unsqueeze(0)), (0.5, 0.5)), (1.0,)
    )
    for forecast in (classes, nested):
        torch.testing.assert_close(forecast.probs, torch.tensor([[0.15, 0.2, 0.65]], dtype=torch.float64))
        assert {name for name, metric in METRICS.items() if metric.applies(forecast)} == {"nll", "deviance", "brier", "accuracy"}
    angles = distributions.VonMises(probs[..., 0], probs[..., 1], torch.full((1, 2), 6.28, dtype=torch.float64))
    single = {name for name, metric in METRICS.items() if metric.applies(angles)}
    assert {name for name, metric in METRICS.items() if metric.applies(distributions.weighted_mixture(angles, (0.5, 0.5)))} == single
    assert "crps" not in single


def test_a_row_at_the_floor_of_any_member_is_counted(ensemble, file):
    prepared = prepare(configuration(ensemble("normal").folder.parent / "ensemble.yaml", []))
    assert parameters_at_floor(prepared.model, list(prepared.splits.values())) == []
    head = prepared.model.network.branches[0].heads[0]
    with torch.no_grad():
        # loc and scale of the last member: the raw scale of every row is far below 0.
        head.bias[MEMBERS - 1, 0, 1] = -1e3
    (found,) = parameters_at_floor(prepared.model, list(prepared.splits.values()))
    assert (found.parameter, found.rows) == ("scale", 60)


def test_csv_has_a_column_for_each_number_of_a_list(ensemble, file, tmp_path):
    run = ensemble("gamma")
    predict(PredictOptions(run=run.folder, data=file, output=str(tmp_path / "out.csv")), tmp_path)
    found, whole = pyarrow.csv.read_csv(tmp_path / "out.csv"), np.array(run.predictions["rate"].to_pylist())
    assert found.column_names == [
        "row",
        *(f"{name}_{k}" for name in ("concentration", "rate") for k in range(3)),
        "mean",
        "std",
        "q05",
        "q50",
        "q95",
    ]
    np.testing.assert_array_equal(np.stack([found[f"rate_{k}"].to_numpy() for k in range(3)], 1), whole)


def test_each_member_is_kept_at_its_own_best_epoch(file, tmp_path, monkeypatch):
    seen, consider = [], BestWeights.consider

    def recorded(best, epoch):
        seen.append((epoch.improved, {name: value.clone() for name, value in best.model.network.state_dict().items()}))
        consider(best, epoch)

    monkeypatch.setattr(BestWeights, "consider", recorded)
    document = config_of("normal", file) | QUICK
    document["training"] = {"epochs": 15, "batch_size": 16, "optimizer": {"name": "adam", "lr": 0.05}, "schedule": "constant"}
    run = fitted(write_config(tmp_path / "best.yaml", document), tmp_path / "run")
    last = [max(place for place, (improved, _) in enumerate(seen) if improved[member]) for member in range(MEMBERS)]
    assert len(set(last)) > 1
    assert run.finished.best_epoch == max(last) + 1
    kept = disttrain.load(run.folder).model.network.state_dict()
    for member, place in enumerate(last):
        assert all(torch.equal(value[member], seen[place][1][name][member]) for name, value in kept.items())


def test_the_same_seed_gives_the_same_bytes(ensemble, tmp_path):
    run = ensemble("gamma")
    again = fitted(run.folder.parent / "ensemble.yaml", tmp_path / "again")
    assert again.weights == run.weights
    assert again.predictions.equals(run.predictions)


@pytest.mark.slow
def test_predictions_do_not_depend_on_chunks_and_shards(ensemble, rows, tmp_path):
    run = ensemble("gamma")
    many = pa.concat_tables([rows] * 150)
    pq.write_table(many, tmp_path / "chunks.parquet", row_group_size=777)
    whole = run.predicted(write_table(tmp_path / "many.parquet", many), tmp_path / "whole.parquet")
    assert run.predicted(tmp_path / "chunks.parquet", tmp_path / "chunked.parquet").equals(whole)
    parts = []
    for number in range(2):
        output = str(tmp_path / f"{number}.parquet")
        predict(PredictOptions(run=run.folder, data=str(tmp_path / "many.parquet"), output=output, shard=(number, 2)), tmp_path)
        parts.append(pq.read_table(output))
    assert pa.concat_tables(parts).sort_by("row").equals(whole)
    # And the copies of a row are all alike, wherever they stand.
    columns = [name for name in whole.column_names if name != "row"]
    assert whole.slice(59 * 60, 60).select(columns).combine_chunks().equals(whole.slice(0, 60).select(columns).combine_chunks())


@pytest.mark.slow
@pytest.mark.parametrize("embedding", ["periodic", "piecewise_linear", "both"])
def test_embeddings_of_numbers_survive_saving(embedding, rows, file, tmp_path):
    holes = rows.set_column(0, "x", pa.array([None, *rows["x"].to_pylist()[1:]]))
    document = config_of("normal", str(write_table(tmp_path / "holes.parquet", holes))) | QUICK
    document["data"]["features"] = ["x", "z", {"name": "kind", "encoding": "embedding"}]
    document["network"] = QUICK["network"] | {"numeric_embedding": embedding, "dropout": 0.1, "normalization": "batch"}
    run = fitted(write_config(tmp_path / "spread.yaml", document), tmp_path / "run")
    model = disttrain.load(run.folder).model
    inputs = model.network.branches[0].inputs
    # Of x, whether it is missing, z, and a category, two are numbers.
    assert [model.encoder.columns[column] for column in inputs.numbers] == ["x", "z"]
    if embedding == "piecewise_linear":
        assert float(inputs.spread.edges.std()) > 0.1
    again = run.predicted(tmp_path / "holes.parquet", tmp_path / "out.parquet")
    assert again["loc"].combine_chunks().equals(run.predictions["loc"].combine_chunks())


RNG = np.random.default_rng(11)
X = RNG.normal(size=60)
COUNTS, YEARS = RNG.poisson(2.0, 60), RNG.uniform(0.5, 2.0, 60)
AMOUNTS, EXCESS = 1.0 + RNG.gamma(2.0, 1.0, 60), RNG.uniform(0.2, 1.0, 60)
KNOWN = {
    "exposure and offset": ({"family": "poisson"}, COUNTS, {"exposure": "c", "offset": {"rate": "o"}}),
    "trials": ({"family": "binomial"}, np.minimum(COUNTS, 4), {"trials": "n"}),
    "a deductible by column": ({"family": "truncated", "of": "gamma", "lower": "c"}, AMOUNTS + EXCESS, {}),
    "right-censored": ({"family": "weibull"}, AMOUNTS, {"censoring": {"event": "e"}}),
    "rounded": ({"family": "normal"}, AMOUNTS.round(1), {"censoring": {"rounding": 0.1}}),
    "late entry": ({"family": "weibull"}, AMOUNTS, {"censoring": {"event": "e", "entry": "c"}}),
    "a mixture": ({"family": "mixture", "of": "gamma", "components": 2}, AMOUNTS, {"weight": "c"}),
    "a hurdle": ({"family": "hurdle", "of": "gamma_mean"}, np.where(COUNTS > 1, AMOUNTS, 0.0), {}),
    "ordinal probit": ({"family": "ordinal", "link": "probit"}, np.minimum(COUNTS, 3), {}),
    "classes": ({"family": "categorical"}, np.array(["b", "a", "c"])[COUNTS % 3], {"weight": "c"}),
    "a mixture of classes": ({"family": "mixture", "of": "bernoulli", "components": 2}, COUNTS % 2, {}),
}


def known(case, folder):
    distribution, y, data = KNOWN[case]
    columns = {"x": X, "y": y, "c": YEARS if "exposure" in data else EXCESS, "o": 0.3 * X, "n": np.full(60, 6), "e": COUNTS % 2}
    table = pa.table(columns | {"fold": np.arange(60) % 5})
    path = write_table(folder / "known.parquet", table)
    document = {
        "recipe": "plain",
        "distribution": distribution,
        "data": {"train": str(path), "target": "y", "features": ["x"], "test": {"column": "fold", "values": [4]}} | data,
    }
    return table, path, fitted(write_config(folder / "known.yaml", document | QUICK), folder / "run")


@pytest.mark.slow
@pytest.mark.parametrize("case", KNOWN)
def test_what_is_known_of_a_row_is_known_to_every_member(case, tmp_path):
    table, path, run = known(case, tmp_path)
    model = disttrain.load(run.folder).model
    for score in run.finished.evaluations["test"].document["metrics"].values():
        assert score["value"] is not None
        assert np.isfinite(score["value"])
    # The forecast of a file, rows turned round, is that of the run's own rows.
    turned = table.take(pa.array(np.arange(60)[::-1]))
    found = run.predicted(write_table(tmp_path / "turned.parquet", turned), tmp_path / "out.parquet")
    for name in model.columns():
        assert found[name].to_pylist()[::-1] == run.predictions[name].to_pylist()
    assert path.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("case", "tail"), [("right-censored", False), ("late entry", True)], ids=["right-censored", "late entry"])
def test_rows_seen_in_part_are_scored_by_the_probability_under_the_mixture(case, tail, tmp_path):
    table, _, run = known(case, tmp_path)
    part = run.predictions.filter(pc.equal(run.predictions["split"], "test"))
    p = {name: np.array(part[name].to_pylist()) for name in ("scale", "concentration")}
    law = scipy.stats.weibull_min(p["concentration"], scale=p["scale"])
    y, event, entry = (table.take(part["row"])[name].to_numpy() for name in ("y", "e", "c"))
    nll = np.where(event == 1, equal(law.logpdf(y[:, None])), equal(law.logsf(y[:, None])))
    # Of late rows the mixture is that of all, given what lies above the entry: not the mixture of what each member says of them.
    nll = nll - equal(law.logsf(entry[:, None])) if tail else nll
    assert run.evaluated("nll").document["metrics"]["nll"]["value"] == pytest.approx(nll.mean(), abs=1e-9)


def test_exposure_and_offset_are_in_the_written_rates(tmp_path):
    table, _, run = known("exposure and offset", tmp_path)
    model = disttrain.load(run.folder).model
    bare = table.set_column(table.column_names.index("c"), "c", pa.array(np.ones(60)))
    rates, plain = np.array(run.predictions["rate"].to_pylist()), model.parameters(bare)["rate"].numpy()
    # The floor of the activation, 1e-6, is there before the exposure is.
    np.testing.assert_allclose(rates, plain * table["c"].to_numpy()[:, None], rtol=1e-9)


def test_screens_say_how_many_members_there_are(file, tmp_path):
    loaded = configuration(write_config(tmp_path / "four.yaml", config_of("normal", file) | QUICK), ["network.members=4"])
    single = configuration(tmp_path / "four.yaml", ["network.members=1"])
    (line,) = [remark.text for remark in check(loaded) if remark.topic == "network"]
    (plain,) = [remark.text for remark in check(single) if remark.topic == "network"]
    weights = int(re.search(r"([\d,]+) weights", plain)[1])
    assert f"4 members, {4 * weights} weights" in line
    assert "member" not in plain
    assert explain(loaded).document["z"].endswith(f"{4 * weights} weights; 4 networks side by side; the forecast is their equal mixture")
    assert "side by side" not in explain(single).document["z"]
    spread = configuration(tmp_path / "four.yaml", ["network.numeric_embedding=periodic"])
    assert "periodic" in explain(spread).document["z"]
    assert any("periodic" in remark.text for remark in check(spread))


OWN = QUICK | {"network": {"hidden": [6], "members": MEMBERS}, "training": {"epochs": 4, "batch_size": 16}}


def own_config(file, **data):
    document = config_of("normal", file) | OWN
    return document | {"data": document["data"] | {"validation": 0.2, "split": {"method": "per_member"}} | data}


def test_members_hold_out_rows_of_their_own_that_count_as_training_rows(file, tmp_path):
    loaded = configuration(write_config(tmp_path / "own.yaml", own_config(file)))
    prepared = prepare(loaded)
    counts = prepared.counts()
    assert counts["validation"] == 0
    assert sum(counts.values()) == 60
    assert [len(rows) for rows in prepared.validation_rows] == [round(0.2 * counts["train"])] * MEMBERS
    assert any(f"each member holds out {prepared.held_out_counts}" in remark.text for remark in check(loaded))
    run = fitted(tmp_path / "own.yaml", tmp_path / "run").folder
    history = pq.read_table(run / "history.parquet")
    assert not history["validation_nll"].null_count
    assert set(pq.read_table(run / "predictions.parquet")["split"].to_pylist()) == {name for name, count in counts.items() if count}
    # A model folder names no rows of its making, and is read again.
    assert len(disttrain.load(run).predict(pq.read_table(file).to_pandas())) == 60


def test_one_network_holds_out_a_share_as_at_random(file, tmp_path):
    one = configuration(write_config(tmp_path / "own.yaml", own_config(file)), ["network.members=1"])
    random = configuration(tmp_path / "own.yaml", ["network.members=1", "data.split.method=random"])
    assert prepare(one).validation_rows is None
    assert np.array_equal(prepare(one).data.split, prepare(random).data.split)


def grouped_table():
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(15), rng.integers(2, 9, 15))
    day = rng.permutation(len(subject))
    return pa.table(
        {"x": rng.normal(size=len(subject)), "subject": [f"s{n}" for n in subject], "day": day, "y": rng.normal(size=len(subject))}
    )


@pytest.mark.slow
@pytest.mark.parametrize("split", [{"by": "subject"}, {"of": "group", "by": "subject"}, {"of": "time", "by": "day"}], ids=str)
@pytest.mark.parametrize("test", [None, 0.2])
def test_members_hold_out_groups_or_blocks_of_time_of_their_own(split, test, tmp_path):
    table = grouped_table()
    file = str(write_table(tmp_path / "grouped.parquet", table))
    data = {"train": file, "target": "y", "features": ["x"], "validation": 0.2, "test": test, "split": {"method": "per_member"} | split}
    path = write_config(tmp_path / "own.yaml", {"distribution": "normal", "data": data} | QUICK)
    prepared = prepare(configuration(path))
    train = np.flatnonzero(prepared.data.split == 0)
    column = table[split["by"]].to_numpy(zero_copy_only=False)
    assert set(prepared.data.split.tolist()) == ({0} if test is None else {0, 2})
    assert not set(column[train]) & set(column[prepared.data.split == 2])
    assert len(prepared.validation_rows) == MEMBERS
    for rows in prepared.validation_rows:
        held_out, trained = column[train[rows]], np.delete(column[train], rows)
        assert not set(held_out) & set(trained)
        assert split["by"] == "subject" or not ((trained > held_out.min()) & (trained < held_out.max())).any()
    texts = [remark.text for remark in check(configuration(path))]
    assert any(f"each member holds out {prepared.held_out_counts}" in text for text in texts)
    run = fitted(path, tmp_path / "run").folder
    assert not pq.read_table(run / "history.parquet")["validation_nll"].null_count


@pytest.mark.parametrize("split", [{"by": "subject"}, {"of": "time", "by": "day"}], ids=str)
def test_one_network_holds_out_groups_or_the_latest_rows_as_by_the_plain_method(split, tmp_path):
    file = str(write_table(tmp_path / "grouped.parquet", grouped_table()))
    data = {"train": file, "target": "y", "features": ["x"], "validation": 0.2, "split": {"method": "per_member"} | split}
    path = write_config(tmp_path / "own.yaml", {"distribution": "normal", "data": data})
    plain = configuration(path, [f"data.split={{method: {split.get('of', 'group')}, by: {split['by']}}}"])
    assert np.array_equal(prepare(configuration(path)).data.split, prepare(plain).data.split)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"method": "group", "of": "time", "by": "day"}, "`of` belongs to `method: per_member`"),
        ({"method": "per_member", "of": "time"}, "`of: time` needs a column: `by`"),
        ({"method": "per_member", "of": "random"}, "is not what a member holds out"),
        ({"method": "random", "by": "day"}, "`by` has no meaning"),
        ({"method": "group"}, "`method: group` needs a column: `by`"),
    ],
    ids=str,
)
def test_what_members_hold_out_is_said_in_full(split, message, file, tmp_path):
    with pytest.raises(ConfigError, match=re.escape(message)):
        configuration(write_config(tmp_path / "own.yaml", own_config(file, split=split)))


def test_too_few_groups_for_members_are_refused(tmp_path):
    table = grouped_table().append_column("half", pa.array(["a"] * 60 + ["b"] * (grouped_table().num_rows - 60)))
    file = str(write_table(tmp_path / "grouped.parquet", table))
    data = {"train": file, "target": "y", "features": ["x"], "validation": 0.2, "split": {"method": "per_member", "by": "half"}}
    with pytest.raises(DataError, match="members cannot hold out rows of their own"):
        prepare(configuration(write_config(tmp_path / "own.yaml", {"distribution": "normal", "data": data} | QUICK)))


@pytest.mark.parametrize("validation", [None, {"column": "id", "values": [1]}])
def test_rows_of_their_own_need_a_share(validation, file, tmp_path):
    with pytest.raises(ConfigError, match="only where `validation` is a share"):
        configuration(write_config(tmp_path / "own.yaml", own_config(file, validation=validation)))
