"""Trunks: what layers do, whatever a family makes of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from disttrain.networks import MLP, NORMALIZATIONS, TRUNK_ACTIVATIONS, CategoryCodes, InputLayer, LayerOptions
from disttrain.networks.member_layers import initialize

X = torch.randn(1, 64, 5, generator=torch.Generator().manual_seed(0))


def trunk(widths, seed=1, **style):
    generator = torch.Generator().manual_seed(seed)
    made = MLP(5, widths, LayerOptions(**style), generator)
    initialize(made, generator)
    return made


@pytest.mark.parametrize("activation", TRUNK_ACTIVATIONS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_layer_maps_rows_to_its_width_and_has_gradients(activation, normalization):
    made = trunk((7, 6), activation=activation, normalization=normalization)
    hidden = made(X)
    assert hidden.shape == (1, 64, 6)
    assert made.width == 6
    hidden.square().sum().backward()
    assert all(bool(weight.grad.isfinite().all()) for weight in made.parameters())
    assert all(float(weight.grad.abs().sum()) > 0 for name, weight in made.named_parameters() if name.endswith("linear.weight"))


def test_no_layers_is_the_identity():
    made = trunk(())
    assert torch.equal(made(X), X)
    assert made.width == 5
    assert not list(made.parameters())


def test_a_layer_is_the_formula():
    made = trunk((4,), activation="tanh")
    linear = made.layers[0].linear
    torch.testing.assert_close(made(X), torch.tanh(X @ linear.weight + linear.bias))


def test_residual_layers_add_where_widths_agree():
    with_skips, without = trunk((8, 8, 3), residual=True), trunk((8, 8, 3))
    first = without.layers[0](X)
    second = first + without.layers[1](first)
    torch.testing.assert_close(with_skips(X), without.layers[2](second))


def test_layer_normalization_standardises_rows():
    hidden = trunk((32,), activation="identity", normalization="layer")(X)
    torch.testing.assert_close(hidden.mean(2), torch.zeros(1, 64), atol=1e-5, rtol=0)
    torch.testing.assert_close(hidden.var(2, correction=0), torch.ones(1, 64), atol=1e-2, rtol=0)


def test_batch_normalization_standardises_columns_while_training_and_rows_apart_afterwards():
    made = trunk((32,), activation="identity", normalization="batch")
    torch.testing.assert_close(made(X).mean(1), torch.zeros(1, 32), atol=1e-5, rtol=0)
    made.eval()
    torch.testing.assert_close(made(X)[:, :3], made(X[:, :3]))


def test_dropout_is_drawn_from_its_own_generator():
    trunks = [trunk((64,), seed=seed, dropout=0.5) for seed in (1, 1, 2)]
    state = torch.random.get_rng_state()
    first, again, other = (made(X) for made in trunks)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_dropout_keeps_the_mean_and_is_off_afterwards():
    made, plain = trunk((400,), activation="sigmoid", dropout=0.3), trunk((400,), activation="sigmoid")
    hidden, whole = made(X), plain(X)
    share = float((hidden == 0).double().mean())
    # 25,600 draws: a standard error of 0.003.
    assert share == pytest.approx(0.3, abs=0.015)
    torch.testing.assert_close(hidden[hidden != 0], (whole / 0.7)[hidden != 0])
    made.eval()
    assert torch.equal(made(X), plain.eval()(X))


def test_weights_are_drawn_from_the_generator_alone():
    first, again, other = (nn.utils.parameters_to_vector(trunk((9, 9), seed=seed).parameters()) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


CODES = (CategoryCodes(1, 4, 3), CategoryCodes(4, 2, 1))


def coded():
    x = X.clone()
    x[..., 1] = torch.arange(64) % 4
    x[..., 4] = torch.arange(64) % 2
    return x


def test_codes_are_replaced_by_their_vectors():
    inputs, x = InputLayer(range(5), 5, CODES), coded()
    seen = inputs(x)
    assert seen.shape == (1, 64, inputs.width) == (1, 64, 3 + 3 + 1)
    assert torch.equal(seen[..., :3], x[..., [0, 2, 3]])
    assert torch.equal(seen[0, :, 3:6], inputs.embeddings[0].weight[0, x[0, :, 1].long()])
    assert torch.equal(seen[0, :, 6:], inputs.embeddings[1].weight[0, x[0, :, 4].long()])


def test_the_vector_of_a_category_learns_from_its_rows_alone():
    inputs, x = InputLayer(range(5), 5, CODES), coded()
    inputs(x[:, x[0, :, 1] == 2]).sum().backward()
    touched = inputs.embeddings[0].weight.grad[0].abs().sum(1) > 0
    assert touched.tolist() == [False, False, True, False]


def test_columns_that_are_not_asked_for_are_not_passed():
    inputs = InputLayer((0, 3), 5, CODES)
    assert inputs.width == 2
    assert len(inputs.embeddings) == 0
    assert torch.equal(inputs(coded()), X[..., [0, 3]])
