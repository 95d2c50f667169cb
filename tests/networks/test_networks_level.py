"""Levels: what heads add to is exact in float64, whatever the dtype of the weights."""

from __future__ import annotations

import math

import pytest
import torch

from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.networks.level import Level

ODD = torch.tensor([1 / 3, -math.pi * 1e5, 1e-7 + 1e-15, 123456789.123456789, 0.0, -1e20 / 7], dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_level_is_exact_in_float64(dtype):
    level = Level(2, len(ODD)).to(dtype)
    level.start(ODD, ODD)
    assert level.parts.dtype == dtype
    assert torch.equal(level(torch.float64), ODD.expand(2, 1, -1))


LAYOUTS = {
    "plain": {"hidden": (8,)},
    "linear": {},
    "separate with paths": {"hidden": (8, 4), "separate": True, "linear_path": True},
    "members": {"hidden": (8,), "members": 3, "normalization": "batch", "dropout": 0.2, "residual": True},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("columns", [None, ()], ids=["of the columns", "constant"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_with_the_constant_weights_gives_the_constant_model_to_the_last_digit(layout, columns, dtype):
    family = build("student_t", {})
    outputs = [Output(p, activation_for(p), columns if p.name == "df" else None) for p in family.parameters]
    outputs[1] = Output(outputs[1].parameter, outputs[1].activation, (0, 2), hidden=(3,))
    generator = torch.Generator().manual_seed(0)
    network = Network(Layout(3, **LAYOUTS[layout]), outputs, generator).to(dtype)
    constant = {output.parameter.name: ODD[place].clone() for place, output in enumerate(outputs)}
    x = torch.randn(5, 3, generator=generator).to(dtype)
    network.start({name: torch.zeros_like(value) for name, value in constant.items()}, generator, x, constant=constant)
    network.eval()
    assert all(not torch.equal(value, constant[name].expand_as(value)) for name, value in network.raw(x).items())
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(network.constant_weights(), strict=False)
    for name, value in network.raw(x).items():
        assert value.dtype == torch.float64
        assert torch.equal(value, constant[name].expand_as(value))
    trunk = {name for name in kept if name not in network.constant_weights()}
    assert all(torch.equal(network.state_dict()[name], kept[name]) for name in trunk)
