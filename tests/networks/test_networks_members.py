"""Members side by side are networks of their own, and embeddings of numbers are what their formulas say."""

from __future__ import annotations

import pytest
import torch

from disttrain.families import activation_for, build
from disttrain.networks import MLP, CategoryCodes, Conditions, LayerOptions, Layout, Network, Output
from disttrain.networks.input_layer import InputLayer, Periodic, PiecewiseLinear
from disttrain.networks.member_layers import BatchNorm, Linear, initialize

MEMBERS, N = 3, 50
X = torch.randn(N, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
X[:, 3] = torch.arange(N) % 3
OWN = torch.stack([X[torch.randperm(N, generator=torch.Generator().manual_seed(place))] for place in range(MEMBERS)])

LAYOUTS = {
    "plain": {},
    "linear": {"hidden": ()},
    "codes": {"codes": (CategoryCodes(3, 3, 2),)},
    "residual": {"hidden": (6, 6), "residual": True},
    "layer": {"normalization": "layer"},
    "batch": {"normalization": "batch"},
    "separate": {"separate": True},
    "periodic": {"numbers": (0, 2), "numeric_embedding": "periodic"},
    "piecewise_linear": {"numbers": (0, 2), "numeric_embedding": "piecewise_linear"},
    "both": {"numbers": (0, 2), "numeric_embedding": "both"},
}


def network(members, **layout):
    """A network of student's t: loc with a layer of its own, scale that sees half of the columns, one constant df."""
    family = build("student_t", {})
    changes = {"loc": {"hidden": (5,)}, "scale": {"columns": (0, 3)}, "df": {"columns": ()}}
    outputs = [Output(p, activation_for(p), **changes[p.name]) for p in family.parameters]
    made = Network(Layout(**({"inputs": 4, "hidden": (6,), "members": members} | layout)), outputs, torch.Generator().manual_seed(1))
    raw = {o.parameter.name: torch.full(o.raw_shape, 0.4, dtype=torch.float64) for o in outputs}
    made.start(raw, torch.Generator().manual_seed(2), X)
    # The start is the same constant for all: other weights in the heads tell the members apart.
    initialize(made, torch.Generator().manual_seed(3))
    return made.to(torch.float64)


def alone(ensemble, member, **layout):
    """The single network with the weights of one member."""
    single = network(1, **layout)
    single.load_state_dict({name: value[member : member + 1].clone() for name, value in ensemble.state_dict().items()})
    return single


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("x", [X, OWN], ids=["shared rows", "own rows"])
def test_members_in_one_pass_give_what_each_gives_alone(layout, training, x):
    ensemble = network(MEMBERS, **layout).train(training)
    singles = [alone(ensemble, member, **layout).train(training) for member in range(MEMBERS)]
    together = ensemble(x)
    for member, single in enumerate(singles):
        for name, value in single(x if x.ndim == 2 else x[member]).items():
            torch.testing.assert_close(together[name].reshape(MEMBERS, N)[member], value, rtol=1e-12, atol=1e-12)
        for name, value in single.state_dict().items():
            torch.testing.assert_close(ensemble.state_dict()[name][member], value[0], rtol=1e-12, atol=1e-12)


def test_members_differ_from_the_start():
    loc = network(MEMBERS)(X)["loc"].reshape(MEMBERS, N)
    assert all(float((loc[a] - loc[b]).detach().abs().max()) > 0.01 for a, b in ((0, 1), (0, 2), (1, 2)))


def test_conditions_are_those_of_each_members_rows():
    offset = torch.linspace(-1.0, 1.0, N, dtype=torch.float64)
    ensemble = network(MEMBERS)
    plain, moved = ensemble(X)["loc"], ensemble(X, Conditions(offsets={"loc": offset.repeat(MEMBERS)}))["loc"]
    torch.testing.assert_close(moved - plain, offset.repeat(MEMBERS))


def test_all_weights_have_their_members_in_front_and_are_counted():
    single, ensemble = network(1, **LAYOUTS["periodic"]), network(MEMBERS, **LAYOUTS["periodic"])
    assert ensemble.size() == MEMBERS * single.size()
    assert all(len(value) == MEMBERS for value in ensemble.state_dict().values())


def test_dropout_drops_other_places_in_each_member():
    made = MLP(4, (40,), LayerOptions(activation="sigmoid", dropout=0.5, members=MEMBERS), torch.Generator().manual_seed(4))
    initialize(made, torch.Generator().manual_seed(5))
    dropped = made(X.float().expand(MEMBERS, N, 4)) == 0
    # 2,000 places each: a standard error of 0.011.
    assert dropped.double().mean((1, 2)).tolist() == pytest.approx([0.5] * MEMBERS, abs=0.05)
    assert float((dropped[0] != dropped[1]).double().mean()) == pytest.approx(0.5, abs=0.05)


def test_batch_normalization_keeps_the_moments_of_each_member_apart():
    layer = BatchNorm(2, 3)
    x = torch.stack([torch.randn(N, 3), 5.0 + 2.0 * torch.randn(N, 3)])
    made = layer(x)
    torch.testing.assert_close(made.mean(1), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.running_mean, 0.1 * x.mean(1))
    torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * x.var(1))


def piecewise(column, **settings):
    """The embedding of one number, laid at the quantiles of a column (n,), and what it makes of values."""
    made = PiecewiseLinear(settings.get("members", 1), 1)
    made.start(torch.as_tensor(column).reshape(-1, 1), torch.Generator())
    return made, lambda values: made(torch.as_tensor(values).reshape(1, -1, 1).expand(settings.get("members", 1), -1, 1))


def test_piecewise_linear_is_0_before_an_interval_1_behind_it_and_linear_inside():
    column = torch.linspace(0.0, 16.0, 161)
    made, of = piecewise(column)
    torch.testing.assert_close(made.edges[0, 0, 0], torch.arange(17.0))
    values = torch.tensor([-3.0, 0.0, 0.25, 4.5, 16.0, 99.0])
    expected = (values.unsqueeze(1) - torch.arange(16.0)).clamp(0.0, 1.0)
    torch.testing.assert_close(of(values)[0], expected, atol=1e-5, rtol=0)


def test_piecewise_linear_steps_where_quantiles_coincide():
    _, of = piecewise(torch.tensor([0.0] * 90 + [1.0] * 10))
    below, at, above = of([-0.001, 0.0, 0.001])[0]
    assert not below.any()
    # All intervals between equal quantiles turn from 0 to 1 at once.
    assert float(at.sum()) == 0.0
    assert int((above == 1.0).sum()) >= 13
    assert bool(above.isfinite().all())


def test_periodic_is_sines_and_cosines_and_its_frequencies_learn():
    made = Periodic(2, 3)
    made.start(torch.zeros(1, 3), torch.Generator().manual_seed(6))
    x = torch.randn(2, N, 3)
    spread = made(x).reshape(2, N, 3, made.size)
    angle = 2 * torch.pi * made.frequency * x.unsqueeze(-1)
    torch.testing.assert_close(spread, torch.cat([angle.sin(), angle.cos()], -1))
    spread.square().sum(1)[..., : made.size // 2].sum().backward()
    assert bool((made.frequency.grad.abs() > 0).all())
    assert not torch.equal(made.frequency[0], made.frequency[1])


@pytest.mark.parametrize("embedding", ["periodic", "piecewise_linear", "both"])
def test_only_numbers_are_spread_out_and_stay_beside_it(embedding):
    inputs = InputLayer(range(4), 4, (CategoryCodes(3, 3, 2),), 1, (0, 2), embedding)
    initialize(inputs, torch.Generator().manual_seed(7))
    inputs.start(X.float(), torch.Generator().manual_seed(8))
    x = X.float().unsqueeze(0)
    seen = inputs(x)
    assert seen.shape == (1, N, inputs.width) == (1, N, 3 + 2 + 2 * inputs.spread.size)
    assert torch.equal(seen[..., :3], x[..., :3])
    for column in (1, 3):
        moved = x.clone()
        moved[..., column] = 1.0
        assert torch.equal(inputs(moved)[..., 5:], seen[..., 5:])
    moved = x.clone()
    moved[..., 2] += 0.5
    changed = (inputs(moved) != seen).any(1)[0]
    assert changed[2]
    assert not changed[3 : 5 + inputs.spread.size].any()
    assert changed[5 + inputs.spread.size :].any()


@pytest.mark.parametrize("embedding", ["periodic", "piecewise_linear", "both"])
def test_a_trunk_that_sees_no_number_has_no_embedding_of_one(embedding):
    assert InputLayer((1, 3), 4, (), 1, (0, 2), embedding).spread is None


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_of_a_forecast_does_not_depend_on_its_place(members, dtype):
    # Widths at which torch's products depend on it, on a processor with AVX512: 8 to 6, 11 to 5, 8 to 3.
    x, turned = torch.randn(4096, 16, dtype=dtype), torch.randperm(4096, generator=torch.Generator().manual_seed(9))
    for inputs, width in ((8, 6), (11, 5), (8, 3), (16, 8), (3, 1)):
        layer = Linear(members, inputs, width).to(dtype).eval()
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
        seen = x[:, :inputs].expand(members, 4096, inputs)
        assert torch.equal(layer(seen[:, turned]), layer(seen)[:, turned])
        torch.testing.assert_close(layer(seen), seen @ layer.weight + layer.bias)


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("width", [1, 2, 5, 6, 8, 15, 16, 17])
def test_a_linear_layer_and_its_slopes_are_those_of_the_product_whatever_its_width(members, width):
    layer = Linear(members, 7, width).double().train()
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(width))
    x, pull = (torch.randn(members, 9, size, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) for size in (7, width))
    asked = (x.requires_grad_(), layer.weight, layer.bias)
    ours = torch.autograd.grad((layer(x) * pull).sum(), asked)
    expected = torch.autograd.grad(((x @ layer.weight + layer.bias) * pull).sum(), asked)
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other)
