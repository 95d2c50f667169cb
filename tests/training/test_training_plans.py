"""Schedules against torch's own, early stopping, devices."""

from __future__ import annotations

import copy
import math
import subprocess
import sys

import pytest
import torch

from disttrain.errors import UsageError
from disttrain.training import OPTIMIZERS, SCHEDULES, OptimizerPlan, SchedulePlan, deterministic, device, use_bfloat16
from disttrain.training.early_stopping import EarlyStopping
from disttrain.training.optimizers import build_optimizer, learning_rate

TOTAL = 40


def rates(plan, stalls=0):
    return [learning_rate(0.1, plan, epoch, TOTAL, stalls) for epoch in range(1, TOTAL + 1)]


def torchs(make):
    """The learning rates that one of torch's schedulers gives epoch by epoch."""
    descent = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, found = make(descent), []
    for _ in range(TOTAL):
        found.append(descent.param_groups[0]["lr"])
        descent.step()
        scheduler.step()
    return found


def test_the_cosine_is_that_of_torch():
    assert rates(SchedulePlan("cosine")) == pytest.approx(torchs(lambda d: torch.optim.lr_scheduler.CosineAnnealingLR(d, TOTAL)), rel=1e-9)


def test_the_steps_are_those_of_torch():
    expected = torchs(lambda d: torch.optim.lr_scheduler.StepLR(d, 7, 0.3))
    assert rates(SchedulePlan("step", step_size=7, gamma=0.3)) == pytest.approx(expected, rel=1e-9)


def test_the_constant_is_constant():
    assert set(rates(SchedulePlan("constant"))) == {0.1}


def test_a_plateau_counts_stalls():
    plan = SchedulePlan("plateau", factor=0.5)
    assert [rates(plan, stalls)[5] for stalls in (0, 1, 3)] == pytest.approx([0.1, 0.05, 0.0125])


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_rises_in_equal_steps_and_then_the_schedule_begins(name):
    found = rates(SchedulePlan(name, warmup_epochs=4))
    assert found[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert all(0 < rate <= 0.1 for rate in found)


TORCHS = {
    "adam": lambda weights, decay, momentum: torch.optim.Adam(weights, lr=0.05, weight_decay=decay, fused=True),
    "adamw": lambda weights, decay, momentum: torch.optim.AdamW(weights, lr=0.05, weight_decay=decay, fused=True),
    "sgd": lambda weights, decay, momentum: torch.optim.SGD(
        weights, lr=0.05, weight_decay=decay, momentum=momentum, nesterov=momentum > 0, fused=True
    ),
}


def pair(name, decay, momentum, dtype):
    """The optimizer of that name and torch's, each with a weight of its own, at the same place."""
    ours, theirs = (torch.nn.Parameter(torch.linspace(-2.0, 2.0, 37, dtype=dtype)) for _ in range(2))
    return (ours, build_optimizer(ours, OptimizerPlan(name, 0.05, decay, momentum))), (theirs, TORCHS[name]([theirs], decay, momentum))


def walked(weights, descent, steps, seed=0):
    """The weights after some steps along noisy slopes of a bowl, with a new learning rate half way."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        descent.param_groups[0]["lr"] = 0.05 if step < steps // 2 else 0.02
        weights.grad = weights.detach() + torch.randn(weights.shape, dtype=weights.dtype, generator=generator)
        descent.step()
    return weights.detach().clone()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("decay", "momentum"), [(0.0, 0.0), (0.1, 0.9)])
@pytest.mark.parametrize("name", TORCHS)
def test_an_optimizer_takes_the_steps_of_torch_to_the_bit(name, decay, momentum, dtype):
    ours, theirs = pair(name, decay, momentum, dtype)
    assert torch.equal(walked(*ours, 20), walked(*theirs, 20))


@pytest.mark.parametrize("name", TORCHS)
def test_an_optimizer_goes_on_from_its_state(name):
    weights, descent = pair(name, 0.1, 0.9, torch.float32)[0]
    walked(weights, descent, 5)
    other = torch.nn.Parameter(weights.detach().clone())
    heir = build_optimizer(other, OptimizerPlan(name, 0.05, 0.1, 0.9))
    heir.load_state_dict(copy.deepcopy(descent.state_dict()))
    assert torch.equal(walked(weights, descent, 5, seed=1), walked(other, heir, 5, seed=1))


def test_the_state_of_other_weights_is_refused():
    small, large = (build_optimizer(torch.nn.Parameter(torch.zeros(size)), OptimizerPlan("adamw", 0.1)) for size in (2, 3))
    with pytest.raises(ValueError, match="another optimizer"):
        large.load_state_dict(small.state_dict())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_has_the_rate_of_the_plan(name):
    assert build_optimizer(torch.nn.Parameter(torch.zeros(3)), OptimizerPlan(name, 0.05)).param_groups[0]["lr"] == 0.05


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(KeyError):
        build_optimizer(torch.nn.Parameter(torch.zeros(3)), OptimizerPlan("rmsprop", 0.1))


@pytest.mark.slow
def test_training_leaves_the_compiler_of_torch_alone():
    # Its import takes longer than many a fit.
    program = """
import sys, torch
from disttrain.training import OPTIMIZERS, OptimizerPlan, deterministic
with deterministic(True):
    pass
for make in OPTIMIZERS.values():
    weights = torch.nn.Parameter(torch.ones(3))
    weights.grad = torch.ones(3)
    descent = make(weights, OptimizerPlan("any", 0.1, 0.0, 0.9))
    descent.step(*([lambda: weights.square().sum()] if isinstance(descent, torch.optim.Optimizer) else []))
    descent.load_state_dict(descent.state_dict())
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def followed(losses, **settings):
    stopping, better = EarlyStopping(**settings), []
    for epoch, loss in enumerate(losses, 1):
        better.append(stopping.improved(epoch, loss))
        if stopping.over:
            break
    return stopping, better


def test_the_best_is_the_lowest_even_by_a_hair():
    stopping, better = followed([3.0, 2.0, 2.5, 1.9999, 2.1], patience=None, min_delta=0.01)
    assert (stopping.best, stopping.best_epoch) == (1.9999, 4)
    assert better == [True, True, False, True, False]


def test_hairs_do_not_end_the_waiting():
    stopping, better = followed([3.0, 2.999, 2.998, 2.997, 2.996], patience=3, min_delta=0.01)
    assert len(better) == 4
    assert stopping.over
    assert stopping.best_epoch == 4


def test_hairs_that_add_up_do():
    assert not followed([3.0 - 0.004 * step for step in range(30)], patience=3, min_delta=0.01)[0].over


def test_nan_is_never_the_best():
    stopping, better = followed([2.0, math.nan, math.nan], patience=2)
    assert better == [True, False, False]
    assert stopping.over
    assert stopping.best == 2.0


def test_devices_by_name():
    assert device("cpu") == torch.device("cpu")
    assert device("auto").type in {"cpu", "cuda"}
    with pytest.raises(UsageError, match="no device"):
        device("cuda:999")


def test_bfloat16_pays_on_large_products_alone(monkeypatch):
    place = torch.device("cpu")
    for able in ({"avx512_bf16": True}, {"amx_bf16": True}, {"avx2": True}, {}):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able, raising=False)
        assert use_bfloat16(place, 1024, (128, 256)) == any("bf16" in name for name in able)
        assert not use_bfloat16(place, 64, (256, 256))
        assert not use_bfloat16(place, 4096, (256, 64))
        assert not use_bfloat16(place, 4096, ())
    assert not use_bfloat16(torch.device("mps"), 4096, (256, 256))


def test_determinism_is_asked_for_and_given_back():
    before = torch.are_deterministic_algorithms_enabled()
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before
    with deterministic(False):
        assert torch.are_deterministic_algorithms_enabled() == before
