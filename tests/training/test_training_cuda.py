"""Training on a CUDA device, where there is one, against training on the CPU."""

from __future__ import annotations

import pytest
import torch

from disttrain.training import epochs
from tests.training.test_training_loop import LINE, N, design, plan, rows, task, vector

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_cuda_device_trains_the_network_that_the_cpu_trains(optimizer, members):
    ends = []
    for place in (torch.device("cpu"), torch.device("cuda")):
        train, held_out = (part.to(place) for part in (rows(design()[: N // 2], LINE[: N // 2]), rows(design()[N // 2 :], LINE[N // 2 :])))
        family, network = task(hidden=(8, 8), members=members)
        history = list(epochs(network.to(place), family, train, held_out, plan(optimizer, 0.01, 5, gradient_clip=1.0)))
        ends.append((vector(network).cpu(), torch.tensor([(epoch.train_nll, epoch.validation_nll) for epoch in history])))
    # In float64 they differ by the order of sums alone, which 20 steps hardly spread.
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)
