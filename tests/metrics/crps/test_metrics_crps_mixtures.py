"""The CRPS of mixtures of many normals over many rows."""

from __future__ import annotations

import pytest
import scoringrules
import torch

from disttrain import distributions as d
from disttrain.metrics import crps
from disttrain.outcomes import Outcome


@pytest.mark.parametrize("rows", [1, 1024, 2500])
def test_an_ensemble_of_mixtures_scores_as_the_mixture_of_all_its_normals(rows: int) -> None:
    generator = torch.Generator().manual_seed(5)
    shape = (rows, 3, 4)
    loc = 3.0 * torch.randn(shape, generator=generator, dtype=torch.float64)
    scale = 0.01 + torch.rand(shape, generator=generator, dtype=torch.float64)
    weights = torch.softmax(torch.randn(shape, generator=generator, dtype=torch.float64), -1)
    y = 3.0 * torch.randn(rows, generator=generator, dtype=torch.float64)
    score = crps(d.weighted_mixture(d.Mixture(d.Normal(loc, scale), weights), [1 / 3] * 3), Outcome.exact(y))
    flat = [part.flatten(1).numpy() for part in (loc, scale, weights / 3.0)]
    # Two terms of the size of the spread are subtracted: digits of float64 relative to it.
    torch.testing.assert_close(score, torch.from_numpy(scoringrules.crps_mixnorm(y.numpy(), *flat)), rtol=1e-12, atol=1e-13)
