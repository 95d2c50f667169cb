"""The loss alone: minus the mean log-density of every family, for a network of one's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import optimize, special, stats
from torch import nn

import disttrain
from disttrain import Conditions, CrossEntropy, Family, Outcome, Parameter
from disttrain.errors import DataError, UsageError
from disttrain.families import FAMILIES, activation_for, build, facts, options, supports
from disttrain.networks import activated

ROWS = 40
WORDS = {"special": special, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "pi": np.pi}
FACTS = {"classes": 3, "targets": 2, "total_count": 6}
every = pytest.mark.parametrize("name", FAMILIES)


def loss_of(name, parameters=None):
    """The loss of a family, of three classes where it has classes, of two targets where it has vectors."""
    return CrossEntropy(name, parameters, **{option: FACTS[option] for option in options(name) if option in FACTS})


def raw_of(loss, seed=0, rows=ROWS):
    return torch.randn(rows, loss.outputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def targets_of(loss, seed=1, rows=ROWS):
    """Targets inside the support of the family: (rows, *event) float64."""
    support, rng, shape = loss.family.support, np.random.default_rng(seed), (rows, *loss.family.event)
    if support.kind == "simplex":
        y = rng.dirichlet(np.full(shape[1], 2.0), rows)
    elif support.discrete:
        y = rng.integers(0, min(7, int(min(support.upper, 6)) + 1), shape).astype(float)
    elif math.isinf(support.lower):
        y = rng.normal(size=shape) * 2
    else:
        y = rng.uniform(0.02, 0.98, shape) if support.upper == 1 else support.lower + rng.gamma(2.0, size=shape)
    return torch.from_numpy(y)


def scipy_log_prob(loss, raw, y):
    """Row by row, by the scipy expression of the family's docstring."""
    pieces = iter(raw.split([part.size for part in loss.parts if part.size], 1))
    shaped = {part.parameter.name: next(pieces).reshape(len(raw), *part.raw_shape) for part in loss.parts if part.size}
    values = {name: value.numpy() for name, value in activated(loss.parts, shaped, len(raw)).items()}
    words = vars(stats) | WORDS | values
    expression = facts(loss.family.name).lines["scipy"]
    if "classes" in loss.family.parameters[0].axes:
        onehot = np.eye(3)[y.numpy().astype(int)]
        rows = [eval(expression, words | {"probs": probs / probs.sum()}) for probs in values["probs"]]
        return np.array([row.logpmf(hit) for row, hit in zip(rows, onehot, strict=True)])
    if loss.family.event:
        rows = [eval(expression, words | {name: value[row] for name, value in values.items()}) for row in range(len(raw))]
        return np.array([row.logpdf(vector) for row, vector in zip(rows, y.numpy(), strict=True)])
    frozen = eval(expression, words)
    return (frozen.logpmf if loss.family.support.discrete else frozen.logpdf)(y.numpy())


def perturbed(loss, raw, y, place, step):
    moved = raw.detach().clone()
    moved[place] += step
    return float(loss(moved, y))


@pytest.mark.parametrize("name", [name for name in FAMILIES if facts(name).lines["scipy"] != "none"])
def test_the_loss_is_minus_the_mean_log_density_of_scipy(name):
    loss = loss_of(name)
    raw, y = raw_of(loss), targets_of(loss)
    theirs = scipy_log_prob(loss, raw, y)
    # Where a density ends inside the support of its family, ours goes on with a slope: scipy says -inf there.
    inside = np.isfinite(theirs)
    assert inside.mean() > 0.5
    assert float(loss(raw[inside], y[inside])) == pytest.approx(-theirs[inside].mean(), rel=1e-9)


@every
def test_the_loss_is_that_of_its_distribution(name):
    loss = loss_of(name)
    raw, y = raw_of(loss), targets_of(loss)
    made = loss.distribution(raw)
    assert isinstance(made, torch.distributions.Distribution)
    assert made.batch_shape == (ROWS,)
    assert float(loss(raw, y)) == pytest.approx(-float(made.log_prob(y).mean()), rel=1e-12)


@every
def test_a_row_needs_an_output_per_learned_number(name):
    loss = loss_of(name)
    free = [parameter for parameter in loss.family.parameters if parameter.given is None]
    assert loss.outputs == sum(math.prod(activation_for(parameter).raw_shape(parameter.shape)) for parameter in free)
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}


@every
def test_gradients_are_those_of_finite_differences(name):
    loss = loss_of(name)
    raw, y = raw_of(loss, rows=3).requires_grad_(), targets_of(loss, rows=3)
    value = loss(raw, y)
    value.backward()
    for place in np.ndindex(3, loss.outputs):
        numeric = (perturbed(loss, raw, y, place, 1e-5) - perturbed(loss, raw, y, place, -1e-5)) / 2e-5
        # Rounding 1e-16 / 1e-5 and truncation 1e-10, both relative to the loss.
        assert float(raw.grad[place]) == pytest.approx(numeric, rel=1e-5, abs=1e-8 + 1e-10 * float(value.detach()))


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_narrow_network_gets_a_wide_loss_and_narrow_gradients(name, dtype):
    loss = loss_of(name)
    raw, y = raw_of(loss).to(dtype).requires_grad_(), targets_of(loss).float()
    loss(raw, y).backward()
    value = loss(raw.detach(), y)
    assert (value.dtype, value.shape, raw.grad.dtype) == (torch.float64, (), dtype)
    assert bool(raw.grad.isfinite().all())
    assert float(value) == float(loss(raw.detach().double(), y.double()))


@every
def test_a_weighted_row_is_a_repeated_row(name):
    loss = loss_of(name)
    raw, y = raw_of(loss), targets_of(loss)
    times = torch.arange(ROWS) % 4
    repeated = loss(raw.repeat_interleave(times, 0), y.repeat_interleave(times, 0))
    for weight in (times, times.double(), times.float() * 7):
        assert float(loss(raw, y, weight)) == pytest.approx(float(repeated), rel=1e-12)


@pytest.mark.parametrize("name", [name for name in FAMILIES if loss_of(name).family.support.discrete])
def test_whole_numbers_are_targets_like_others(name):
    loss = loss_of(name)
    raw, y = raw_of(loss), targets_of(loss)
    assert float(loss(raw, y.long())) == float(loss(raw, y))


@pytest.mark.parametrize("scale", [1.0, 0.3, 20.0])
def test_a_normal_of_fixed_scale_is_squared_error_up_to_constants(scale):
    loss = CrossEntropy("normal", parameters={"scale": {"fixed": scale}})
    assert loss.outputs == 1
    raw = raw_of(loss).requires_grad_()
    y = targets_of(loss)
    value, squared = loss(raw, y), nn.functional.mse_loss(raw[:, 0], y)
    constant = math.log(scale) + 0.5 * math.log(2 * math.pi)
    assert float(value.detach()) == pytest.approx(float(squared.detach()) / (2 * scale**2) + constant, rel=1e-12)
    ours, theirs = (torch.autograd.grad(term, raw)[0] for term in (value, squared))
    torch.testing.assert_close(ours * 2 * scale**2, theirs, rtol=1e-12, atol=0)


def test_a_laplace_of_fixed_scale_is_absolute_error_up_to_constants():
    loss = CrossEntropy("laplace", {"scale": {"fixed": 1}})
    raw, y = raw_of(loss), targets_of(loss)
    assert float(loss(raw, y)) == pytest.approx(float((raw[:, 0] - y).abs().mean()) + math.log(2), rel=1e-12)


def test_classes_are_torchs_own_cross_entropy():
    loss = loss_of("categorical")
    raw, y = raw_of(loss) * 5, targets_of(loss)
    assert float(loss(raw, y)) == pytest.approx(float(nn.functional.cross_entropy(raw, y.long())), rel=1e-12)
    binary = CrossEntropy("bernoulli")
    raw, y = raw_of(binary) * 5, targets_of(binary)
    assert float(binary(raw, y)) == pytest.approx(float(nn.functional.binary_cross_entropy_with_logits(raw[:, 0], y)), rel=1e-12)


@pytest.mark.parametrize("activation", ["softmax", "normalized_sigmoid"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_classes_stay_finite_and_learn_where_probabilities_saturate(activation, dtype):
    loss = loss_of("categorical", {"probs": {"activation": activation}})
    raw = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], dtype=dtype, requires_grad=True)
    value = loss(raw, torch.tensor([1, 0, 2]))
    value.backward()
    assert math.isfinite(value.detach())
    assert bool(raw.grad.isfinite().all())
    # The class that happened was all but ruled out: its output is to rise at full rate, 1/3 for one of three rows.
    assert float(raw.grad[0, 1]) == pytest.approx(-1 / 3, rel=1e-6)
    assert float(raw.grad[1, 0]) == pytest.approx(-1 / 3, rel=1e-6)


@pytest.mark.parametrize(("raw", "y"), [(1e4, 0), (-1e4, 1)])
def test_yes_and_no_stay_finite_and_learn_where_probabilities_saturate(raw, y):
    loss = CrossEntropy("bernoulli")
    given = torch.tensor([[raw]], requires_grad=True)
    value = loss(given, torch.tensor([y]))
    value.backward()
    assert float(value.detach()) == 1e4
    assert float(given.grad) == (1.0 if y == 0 else -1.0)


def test_a_fixed_value_is_used_as_it_is():
    loss = CrossEntropy("student_t", {"df": {"fixed": 4.5}})
    made = loss.distribution(raw_of(loss))
    assert loss.outputs == 2
    assert bool((made.df == 4.5).all())
    probs = CrossEntropy("student_t", {"df": {"fixed": None}})
    assert probs.outputs == 3


def test_bounds_hold_and_keep_a_gradient():
    loss = CrossEntropy("normal", {"loc": {"bounds": [-1, None]}, "scale": {"bounds": (0.5, 2.0)}})
    raw = (raw_of(loss) * 30).requires_grad_()
    made = loss.distribution(raw)
    assert float(made.loc.detach().min()) >= -1
    assert float(made.loc.detach().max()) > 10
    assert (float(made.scale.detach().min()), float(made.scale.detach().max())) == (
        pytest.approx(0.5, abs=1e-3),
        pytest.approx(2.0, abs=1e-3),
    )
    (made.scale.sum() + made.loc.sum()).backward()
    near = raw.detach().abs() < 20
    assert bool((raw.grad[near] != 0).all())


def test_an_activation_is_the_one_that_was_chosen():
    raw = raw_of(loss := CrossEntropy("poisson", {"rate": {"activation": "exp"}}))
    np.testing.assert_allclose(loss.distribution(raw).rate, torch.exp(raw[:, 0]), rtol=0, atol=1.01e-6)
    y = targets_of(loss)
    # The log link of a GLM: y η - exp(η) - log y!
    expected = stats.poisson(np.exp(raw[:, 0].numpy())).logpmf(y.numpy()).mean()
    assert float(loss(raw, y)) == pytest.approx(-expected, rel=1e-5)


REFUSED = {
    "family": lambda: CrossEntropy("gama"),
    "no classes": lambda: CrossEntropy("categorical"),
    "one class": lambda: CrossEntropy("categorical", classes=1),
    "half a class": lambda: CrossEntropy("categorical", classes=2.5),
    "unknown option": lambda: CrossEntropy("gamma", colour=3),
    "option of a made family": lambda: CrossEntropy(loss_of("gamma").family, classes=3),
    "parameter": lambda: CrossEntropy("gamma", {"scale": {"fixed": 1.0}}),
    "key": lambda: CrossEntropy("gamma", {"rate": {"fix": 1.0}}),
    "not a mapping": lambda: CrossEntropy("gamma", {"rate": 1.0}),
    "activation": lambda: CrossEntropy("gamma", {"rate": {"activation": "softpluss"}}),
    "activation outside": lambda: CrossEntropy("gamma", {"rate": {"activation": "relu"}}),
    "activation of vectors": lambda: CrossEntropy("gamma", {"rate": {"activation": "softmax"}}),
    "fixed outside": lambda: CrossEntropy("gamma", {"rate": {"fixed": -1.0}}),
    "fixed nan": lambda: CrossEntropy("gamma", {"rate": {"fixed": math.nan}}),
    "fixed text": lambda: CrossEntropy("gamma", {"rate": {"fixed": "one"}}),
    "fixed list": lambda: CrossEntropy("gamma", {"rate": {"fixed": [1.0, 2.0]}}),
    "fixed vector of another length": lambda: CrossEntropy("categorical", {"probs": {"fixed": [0.5, 0.5]}}, classes=3),
    "fixed and bounded": lambda: CrossEntropy("gamma", {"rate": {"fixed": 1.0, "bounds": [0, 2]}}),
    "all fixed": lambda: CrossEntropy("poisson", {"rate": {"fixed": 1.0}}),
    "bounds upside down": lambda: CrossEntropy("normal", {"scale": {"bounds": [2, 1]}}),
    "bounds outside": lambda: CrossEntropy("normal", {"scale": {"bounds": [None, -1]}}),
    "one bound": lambda: CrossEntropy("normal", {"scale": {"bounds": [1]}}),
    "bound text": lambda: CrossEntropy("normal", {"scale": {"bounds": ["low", "high"]}}),
    "bound nan": lambda: CrossEntropy("normal", {"scale": {"bounds": [math.nan, 1]}}),
    "bounded vector": lambda: CrossEntropy("categorical", {"probs": {"bounds": [0.1, 0.9]}}, classes=3),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(case):
    with pytest.raises(UsageError) as caught:
        REFUSED[case]()
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1), (ROWS, 3), (ROWS, 2, 1)])
def test_raw_outputs_of_another_shape_are_refused(shape):
    loss = CrossEntropy("gamma")
    with pytest.raises(UsageError, match="2"):
        loss(torch.zeros(shape), torch.ones(ROWS))
    with pytest.raises(UsageError):
        loss.distribution(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(), (1,), (ROWS, 1), (1, ROWS), (ROWS - 1,)])
def test_targets_and_weights_that_would_be_spread_over_rows_are_refused(shape):
    """A column (n, 1) against n rows would score every target under every row."""
    loss = CrossEntropy("gamma")
    with pytest.raises(UsageError, match="targets"):
        loss(torch.zeros(ROWS, 2), torch.ones(shape))
    with pytest.raises(UsageError, match="weights"):
        loss(torch.zeros(ROWS, 2), torch.ones(ROWS), torch.ones(shape))


def test_a_family_of_ones_own_needs_a_name_a_support_and_torchs_class():
    """von Mises, which the table does not have: torch's density, checked against scipy's."""
    parameters = (Parameter("loc", supports.real), Parameter("concentration", supports.positive))
    family = Family("von_mises", supports.interval(-math.pi, math.pi), parameters, torch.distributions.VonMises)
    loss = CrossEntropy(family, {"concentration": {"activation": "exp"}})
    raw, y = raw_of(loss), torch.linspace(-3.0, 3.0, ROWS, dtype=torch.float64)
    expected = stats.vonmises(kappa=np.exp(raw[:, 1].numpy()) + 1e-6, loc=raw[:, 0].numpy()).logpdf(y.numpy())
    # torch computes the Bessel function by polynomials, good to 2e-7.
    assert float(loss(raw, y)) == pytest.approx(-expected.mean(), rel=1e-6)
    fixed = CrossEntropy(family, {"loc": {"fixed": 0.5}})
    assert fixed.outputs == 1
    assert bool((fixed.distribution(torch.zeros(4, 1)).loc == 0.5).all())


def test_a_family_of_vectors_scores_vectors():
    """Two independent normals as one event: the loss is the sum of two."""

    def pair(loc, validate_args):
        return torch.distributions.Independent(torch.distributions.Normal(loc, 1.0, validate_args=validate_args), 1)

    loss = CrossEntropy(Family("pair", supports.real, (Parameter("loc", supports.real, shape=(2,)),), pair))
    raw, y = raw_of(loss), torch.randn(ROWS, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert loss.outputs == 2
    assert float(loss(raw, y)) == pytest.approx(-stats.norm(raw.numpy()).logpdf(y.numpy()).sum(1).mean(), rel=1e-12)
    with pytest.raises(UsageError, match="targets"):
        loss(raw, y[:, 0])


@pytest.mark.slow
def test_a_network_of_ones_own_learns_the_truth():
    """A linear torch network on gamma rows ends where scipy's maximum of the likelihood is, and near the parameters drawn from."""
    rng, rows = np.random.default_rng(0), 2000
    x = rng.uniform(-1, 1, rows)
    y = rng.gamma(3.0, 1 / np.exp(0.5 + 0.8 * x))
    loss = CrossEntropy("gamma", {"concentration": {"activation": "exp"}, "rate": {"activation": "exp"}})
    network = nn.utils.skip_init(nn.Linear, 1, loss.outputs, dtype=torch.float64)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    descent = torch.optim.LBFGS(network.parameters(), max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")
    inputs, targets = torch.from_numpy(x)[:, None], torch.from_numpy(y)

    def closure():
        descent.zero_grad()
        value = loss(network(inputs), targets)
        value.backward()
        return value

    descent.step(closure)

    def scipy_loss(w):
        return -stats.gamma(a=np.exp(w[0] + w[1] * x), scale=np.exp(-w[2] - w[3] * x)).logpdf(y).mean()

    found = optimize.minimize(scipy_loss, np.zeros(4), tol=1e-9)
    assert float(loss(network(inputs), targets)) == pytest.approx(found.fun, abs=1e-6)
    ours = [float(v) for pair in zip(network.bias, network.weight[:, 0], strict=True) for v in pair]
    # Four standard errors: each is about sqrt(2 / rows) to sqrt(6 / rows) here.
    np.testing.assert_allclose(ours, [math.log(3.0), 0.0, 0.5, 0.8], atol=4 * math.sqrt(6 / rows))


def test_the_loss_of_a_fitted_run_is_the_loss_alone(family_run, table):
    """What evaluate reports is the loss of the very numbers predicted, in target units."""
    run = disttrain.load(family_run("exponential").folder)
    frame = table.to_pandas()
    rate = torch.from_numpy(run.predict(frame, columns=["parameters"])["rate"].to_numpy())
    loss = CrossEntropy("exponential", {"rate": {"activation": "exp"}})
    value = loss(torch.log(rate - 1e-6)[:, None], torch.from_numpy(frame["exponential"].to_numpy()))
    assert float(value) == pytest.approx(run.evaluate(frame, metrics=["nll"])["nll"]["value"], rel=1e-9)


def test_what_was_seen_of_a_row_is_scored_as_its_probability():
    loss = CrossEntropy("weibull")
    raw, y = torch.randn(40, 2, generator=torch.Generator().manual_seed(1)), torch.linspace(0.2, 4.0, 40)
    upper = torch.where(torch.arange(40) % 2 == 0, y, math.inf)
    q = loss.distribution(raw)
    frozen = stats.weibull_min(q.concentration.numpy(), scale=q.scale.numpy())
    expected = np.where(np.isinf(upper), frozen.logsf(y.double()), frozen.logpdf(y.double()))
    assert float(loss(raw, Outcome(y, upper))) == pytest.approx(-expected.mean(), rel=1e-9)
    with pytest.raises(UsageError):
        CrossEntropy("von_mises")(torch.randn(40, 3), Outcome(y, upper))


def test_conditions_enter_the_distribution_of_each_row():
    raw = torch.randn(30, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    y, exposure, offset = torch.arange(30.0) % 4, torch.linspace(0.5, 2.0, 30), torch.linspace(-1.0, 1.0, 30)
    loss = CrossEntropy("poisson")
    rate = loss.distribution(raw, Conditions(exposure=exposure, offsets={"rate": offset})).mean
    assert torch.allclose(rate, loss.distribution(raw + offset[:, None]).mean * exposure, rtol=1e-12)
    assert float(loss(raw, y, None, Conditions(exposure=exposure))) == pytest.approx(
        float(loss(raw + exposure.log()[:, None], y)), rel=1e-5
    )
    trials = CrossEntropy("binomial", trials="n")
    given = Conditions(given={"total_count": y + 1.0})
    expected = stats.binom(y.double() + 1.0, torch.sigmoid(raw[:, 0].double())).logpmf(y)
    assert float(trials(raw, y, None, given)) == pytest.approx(-expected.mean(), rel=1e-9)
    with pytest.raises(UsageError, match="total_count"):
        trials(raw, y)


@pytest.mark.parametrize(
    ("family", "parameters", "conditions", "told"),
    [
        ("normal", {}, Conditions(exposure=torch.ones(5)), "takes no exposure"),
        (build("hurdle", {"of": "poisson"}), {}, Conditions(exposure=torch.ones(5)), "takes no exposure"),
        ("normal", {}, Conditions(offsets={"locc": torch.ones(5)}), "`locc` is none: loc, scale"),
        ("normal", {"scale": {"fixed": 1.0}}, Conditions(offsets={"scale": torch.ones(5)}), "`scale` is none: loc"),
        ("normal", {}, Conditions(given={"loc": torch.ones(5)}), "`loc` of normal is not given"),
        ("poisson", {}, Conditions(exposure=torch.ones(3)), r"shape \(3,\)"),
        ("poisson", {}, Conditions(offsets={"rate": torch.ones(5, 1)}), r"shape \(5, 1\)"),
    ],
)
def test_conditions_that_cannot_be_meant_are_refused(family, parameters, conditions, told):
    loss = CrossEntropy(family, parameters)
    raw = torch.zeros(5, loss.outputs)
    for call in (lambda: loss(raw, torch.ones(5), conditions=conditions), lambda: loss.distribution(raw, conditions)):
        with pytest.raises(UsageError, match=told):
            call()


@pytest.mark.parametrize(
    ("made", "hint"),
    [
        (lambda: CrossEntropy("gama"), "`gamma`"),
        (lambda: CrossEntropy("Normal"), "`normal`"),
        (lambda: CrossEntropy("gamma", {"rat": {"fixed": 1.0}}), "`rate`"),
        (lambda: CrossEntropy("gamma", {"rate": {"activaton": "exp"}}), "`activation`"),
        (lambda: CrossEntropy("gamma", {"rate": {"activation": "softpluss"}}), "`softplus`"),
        (lambda: CrossEntropy("categorical", clases=3), "`classes`"),
        (lambda: CrossEntropy("xyzzy"), "gamma"),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest_right_one(made, hint):
    with pytest.raises(UsageError) as caught:
        made()
    assert hint in caught.value.findings[0].hints[0]


def test_a_loss_says_what_it_is_in_one_line():
    loss = CrossEntropy("student_t", {"df": {"fixed": 4.0}})
    assert repr(loss) == "CrossEntropy(student_t, df=4.0 fixed, loc=z, scale=softplus(z) + 1e-6, outputs=2)"


def wrong_of(support):
    """Numbers that a support does not hold."""
    yield math.nan
    yield math.inf
    if support.kind == "simplex":
        yield 2.0
    if math.isfinite(support.lower):
        yield support.lower - 1.0
        if not support.closed_lower:
            yield support.lower
    if math.isfinite(support.upper):
        yield support.upper + 1.0
    if support.discrete:
        yield support.step * 0.5


@every
def test_targets_that_a_family_cannot_produce_are_refused_by_row(name):
    loss = loss_of(name)
    raw, y = raw_of(loss), targets_of(loss)
    for wrong in wrong_of(loss.family.support):
        spoilt = y.clone()
        spoilt[[3, 7]] = wrong
        with pytest.raises(DataError) as caught:
            loss(raw, spoilt)
        told = str(caught.value)
        assert f"cannot produce 2 of {ROWS} targets" in told
        assert loss.family.support.text("y") in told
        assert "row 3 is" in told
        assert "row 7 is" in told


def test_the_check_of_targets_can_be_left_out():
    raw, y = torch.zeros(3, 2), torch.tensor([1.0, -1.0, 2.0])
    with pytest.raises(DataError, match="row 1 is -1"):
        CrossEntropy("gamma")(raw, y)
    assert math.isnan(CrossEntropy("gamma")(raw, y, check_support=False))
    assert math.isnan(CrossEntropy("gamma", check_support=False)(raw, y))
    with pytest.raises(DataError):
        CrossEntropy("gamma", check_support=False)(raw, y, check_support=True)


def test_intervals_need_only_hold_some_of_the_support():
    loss, raw = CrossEntropy("gamma"), torch.zeros(3, 2)
    ends = torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([0.7, math.inf, 2.0])
    assert math.isfinite(loss(raw, Outcome(*ends)))
    with pytest.raises(DataError, match=r"row 0 is -3 \.\. -1"):
        loss(raw, Outcome(torch.tensor([-3.0, 0.5, 2.0]), torch.tensor([-1.0, math.inf, 2.0])))


def test_more_successes_than_trials_are_refused_by_row():
    loss = CrossEntropy("binomial", trials="n")
    given = Conditions(given={"total_count": torch.tensor([3.0, 3.0])})
    with pytest.raises(DataError, match="row 1 is 4"):
        loss(torch.zeros(2, 1), torch.tensor([3.0, 4.0]), conditions=given)


LARGEST = {
    "bernoulli": (CrossEntropy("bernoulli"), 1.0, Conditions()),
    "binomial": (CrossEntropy("binomial", total_count=3), 3.0, Conditions()),
    "categorical": (CrossEntropy("ordinal", classes=3), 2.0, Conditions()),
    "given trials": (CrossEntropy("binomial", trials="n"), 3.0, Conditions(given={"total_count": torch.tensor([5.0, 3.0])})),
}


@pytest.mark.parametrize("name", LARGEST)
def test_no_target_is_larger_than_the_largest_of_its_support(name):
    loss, largest, conditions = LARGEST[name]
    raw = torch.zeros(2, loss.outputs)
    assert math.isfinite(loss(raw, Outcome.of_events(torch.tensor([0.0, largest - 1]), torch.tensor([0, 0])), conditions=conditions))
    assert math.isfinite(loss(raw, Outcome.of_events(torch.tensor([0.0, largest]), torch.tensor([0, 1])), conditions=conditions))
    with pytest.raises(DataError, match=rf"cannot produce 1 of 2 targets.*: row 1 is {largest:g} \.\. inf"):
        loss(raw, Outcome.of_events(torch.tensor([0.0, largest]), torch.tensor([0, 0])), conditions=conditions)


@pytest.mark.parametrize(("word", "hint"), [("NO", "did you mean `normal`? it is NO of gamlss; "), ("gama", "did you mean `gamma`?")])
def test_a_family_by_another_name_is_told_of(word, hint):
    with pytest.raises(UsageError) as refusal:
        CrossEntropy(word)
    assert refusal.value.findings[0].hints[0].startswith(hint)
