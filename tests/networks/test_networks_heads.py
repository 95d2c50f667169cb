"""Heads: from a trunk to the parameters of any family, some of them fixed, constant, bounded or blind to some columns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from disttrain.families import FAMILIES, activation_for, bounded, build
from disttrain.networks import CategoryCodes, Layout, Network, Output, activated

FAMILY = {name: build(name, {"classes": 3, "targets": 2}) for name in FAMILIES}
X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
every = pytest.mark.parametrize("name", FAMILY)


def outputs_of(name, **changes):
    """The outputs of a family's parameters, some changed: {parameter: fields of Output}."""
    return [replace(Output(p, activation_for(p), fixed=p.given), **changes.get(p.name, {})) for p in FAMILY[name].parameters]


def targets_of(name):
    """40 equal targets of a family: (40, *event)."""
    support = FAMILY[name].support
    value = 1.0 if support.discrete else 0.5 if support.kind == "simplex" else support.lower + 0.4 if support.lower > 0 else 0.4
    return torch.full((40, *FAMILY[name].event), value, dtype=torch.float64)


def network(outputs, seed=1, **layout):
    layout = Layout(**({"inputs": 4, "hidden": (16,)} | layout))
    return Network(layout, outputs, torch.Generator().manual_seed(seed))


def started(outputs, raw, **layout):
    made = network(outputs, **layout)
    made.start(raw, torch.Generator().manual_seed(2))
    return made


def start_of(outputs):
    return {
        o.parameter.name: torch.linspace(-0.7, 0.9, max(1, o.size), dtype=torch.float64).reshape(o.raw_shape) for o in outputs if o.size
    }


def slope(made, name):
    """What the input columns mean to one parameter: the sum over rows of |gradient|, (p,)."""
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(made(x)[name].square().sum(), x, allow_unused=True)
    return torch.zeros(4) if gradient is None else gradient.abs().sum(0)


@every
def test_parameters_come_in_their_shapes_in_float64_inside_their_supports(name):
    values = network(outputs_of(name))(X * 100.0)
    for parameter in FAMILY[name].parameters:
        assert values[parameter.name].shape == (40, *parameter.shape)
        assert values[parameter.name].dtype == torch.float64
        assert bool(parameter.support.contains(values[parameter.name].detach()).all())


@every
def test_heads_start_at_the_marginal_fit(name):
    outputs = outputs_of(name)
    raw = start_of(outputs)
    marginal = activated(outputs, {key: value[None] for key, value in raw.items()}, 1)
    values = started(outputs, raw)(X)
    for parameter, value in values.items():
        # The random part of the head is a hundredth; biases are float32.
        torch.testing.assert_close(value, marginal[parameter].expand_as(value), atol=0.1, rtol=0.1)
        assert parameter not in raw or float(value.detach().std(0).max()) > 0


def test_a_start_is_exact_where_the_trunk_gives_zero():
    outputs = outputs_of("student_t")
    raw = start_of(outputs)
    values = started(outputs, raw, hidden=()).raw(torch.zeros(1, 4))
    for parameter, value in raw.items():
        assert float(values[parameter].detach()) == pytest.approx(float(value), rel=1e-6)


@every
def test_arguments_make_the_distribution_that_the_parameters_make(name):
    made = network(outputs_of(name))
    by_parameters = FAMILY[name].distribution(**made(X), validate_args=False)
    by_arguments = FAMILY[name].distribution(**made.arguments(X), validate_args=False)
    y = targets_of(name)
    torch.testing.assert_close(by_arguments.log_prob(y), by_parameters.log_prob(y), rtol=1e-9, atol=1e-9)


def test_a_rest_that_is_all_but_nothing_leads_the_shares_back():
    outputs = outputs_of("zero_one_inflated_beta")
    raw = {o.parameter.name: torch.full((1,), 50.0 if o.parameter.name == "zero" else 0.5, dtype=torch.float64) for o in outputs}
    raw["zero"].requires_grad_()
    made = FAMILY["zero_one_inflated_beta"].distribution(**activated(outputs, raw, 1, logits=True))
    (slope,) = torch.autograd.grad(made.log_prob(torch.full((1,), 0.5, dtype=torch.float64)).sum(), raw["zero"])
    assert float(slope) == pytest.approx(-1.0, rel=1e-12)


def test_a_fixed_parameter_has_no_output():
    free, fixed = network(outputs_of("normal")), network(outputs_of("normal", scale={"fixed": 2.5}))
    assert free.size() - fixed.size() == 16 + 1
    assert set(fixed.raw(X)) == {"loc"}
    assert torch.equal(fixed(X)["scale"], torch.full((40,), 2.5, dtype=torch.float64))
    assert not fixed(X)["scale"].requires_grad


def test_probabilities_can_be_fixed():
    made = network(outputs_of("categorical", probs={"fixed": (0.2, 0.3, 0.5)}))
    assert made.size() == 0
    torch.testing.assert_close(made(X)["probs"], torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64).expand(40, 3))


def test_no_features_means_one_constant_that_learns():
    made = network(outputs_of("normal", scale={"columns": ()}))
    assert network(outputs_of("normal", scale={"fixed": 1.0})).size() + 1 == made.size()
    scale = made(X)["scale"]
    assert torch.equal(scale, scale[:1].expand(40))
    (gradient,) = torch.autograd.grad(scale.sum(), made.constants.parameters())
    assert float(gradient) > 0
    assert torch.equal(slope(made, "scale"), torch.zeros(4))


@pytest.mark.parametrize("columns", [(1,), (0, 2), (0, 1, 2, 3)])
def test_a_parameter_cannot_see_columns_that_it_was_not_given(columns):
    made = network(outputs_of("normal", scale={"columns": columns}), hidden=(16, 16))
    seen = [column for column, size in enumerate(slope(made, "scale").tolist()) if size > 0]
    assert tuple(seen) == columns
    assert bool((slope(made, "loc") > 0).all())


def test_parameters_with_the_same_columns_share_a_trunk():
    shared = network(outputs_of("normal"))
    by_name = network(outputs_of("normal", loc={"columns": (0, 1, 2, 3)}))
    assert len(shared.branches) == len(by_name.branches) == 1
    assert len(network(outputs_of("normal", loc={"columns": (0, 1)})).branches) == 2


def touched(made, name):
    """The names of the weights that one parameter depends on."""
    made.zero_grad()
    made(X)[name].square().sum().backward()
    return {key for key, weight in made.named_parameters() if weight.grad is not None and float(weight.grad.abs().sum()) > 0}


def test_separate_heads_share_no_weights():
    separate = network(outputs_of("student_t"), separate=True)
    uses = [touched(separate, parameter) for parameter in ("df", "loc", "scale")]
    assert all(uses)
    assert sum(len(use) for use in uses) == len(set().union(*uses)) == len(list(separate.parameters()))
    shared = network(outputs_of("student_t"))
    assert touched(shared, "df") & touched(shared, "loc")


def test_layers_of_its_own_stand_between_the_trunk_and_a_parameter():
    made = network(outputs_of("normal", scale={"hidden": (5, 6)}))
    own = touched(made, "scale") - touched(made, "loc")
    assert sum("tails" in key for key in own) == 4
    assert made(X)["scale"].shape == (40,)


def test_embedded_codes_reach_the_parameters():
    x = X.clone()
    x[:, 2] = torch.arange(40) % 3
    made = network(outputs_of("normal"), codes=(CategoryCodes(2, 3, 2),))
    same = x.clone()
    same[:, 2] = 1.0
    assert torch.equal(made(x)["loc"][x[:, 2] == 1], made(same)["loc"][x[:, 2] == 1])
    assert not torch.equal(made(x)["loc"], made(same)["loc"])
    blind = network(outputs_of("normal", loc={"columns": (0, 1)}, scale={"columns": (0, 1)}), codes=(CategoryCodes(2, 3, 2),))
    assert torch.equal(blind(x)["loc"], blind(same)["loc"])


def test_bounds_hold_for_every_row_and_leave_a_gradient():
    scale = FAMILY["normal"].parameter("scale")
    made = network(outputs_of("normal", scale={"activation": bounded(activation_for(scale), 0.1, 3.0)}), hidden=())
    value = made(X * 1e4)["scale"].detach()
    assert float(value.min()) >= 0.1 - 1e-9
    assert float(value.max()) <= 3.0 + 1e-9
    assert float(value.std()) > 0.5
    assert bool((slope(made, "scale") > 0).all())


def test_the_trunk_runs_in_its_own_precision():
    wide = network(outputs_of("normal")).to(torch.float64)
    narrow = network(outputs_of("normal"))
    for parameter, value in narrow(X).items():
        torch.testing.assert_close(value, wide(X.double())[parameter], rtol=1e-5, atol=1e-5)
    halved = Network(Layout(4, hidden=(16,)), outputs_of("normal"), torch.Generator().manual_seed(1), autocast=True)
    assert halved(X)["loc"].dtype == torch.float64
    torch.testing.assert_close(halved(X)["loc"], narrow(X)["loc"], rtol=0.05, atol=0.05)
    assert not torch.equal(halved(X)["loc"], narrow(X)["loc"])
    # A forecast is that of any machine.
    assert torch.equal(halved.eval()(X)["loc"], narrow.eval()(X)["loc"])


def test_the_same_seed_gives_the_same_network_and_another_seed_another():
    first, again, other = (torch.nn.utils.parameters_to_vector(network(outputs_of("gamma"), seed=seed).parameters()) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
