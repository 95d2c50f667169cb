"""Some rows of a distribution: what belongs to them is taken, what only looks like it is left alone."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.distributions import AffineTransform, Categorical, Distribution, MixtureSameFamily, TransformedDistribution, constraints
from torch.distributions import Normal as TorchNormal

from disttrain import distributions as d
from disttrain import metrics
from disttrain.distributions.core import functionals
from disttrain.metrics.row_blocks import distinct_rows, rows
from disttrain.outcomes import Outcome

module = import_module("disttrain.metrics.crps.score")
N = 5
LOC, SCALE = torch.linspace(-1.0, 1.0, N, dtype=torch.float64), torch.linspace(0.5, 2.0, N, dtype=torch.float64)
Y = torch.linspace(0.1, 0.9, N, dtype=torch.float64)
WEIGHTS = torch.linspace(0.1, 1.0, 2 * N, dtype=torch.float64).reshape(N, 2)
PAIR = torch.stack([LOC, LOC + 2.0], -1)


class Stepwise(Distribution):
    """A normal whose cdf is asked at as many fixed nodes as there happen to be rows: a constant of length n, with `expand`."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.scale = loc, scale
        self.nodes = torch.full((N,), 0.2, dtype=torch.float64)
        super().__init__(loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Distribution:
        return type(self)(self.loc.expand(batch_shape), self.scale.expand(batch_shape), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        return TorchNormal(self.loc, self.scale).log_prob(value) + self._nothing()

    def cdf(self, value: Tensor) -> Tensor:
        return TorchNormal(self.loc, self.scale).cdf(value) + self._nothing()

    def icdf(self, value: Tensor) -> Tensor:
        return TorchNormal(self.loc, self.scale).icdf(value)

    def _nothing(self) -> float:
        assert len(self.nodes) == N
        return float(self.nodes.sum()) - 1.0


class Plain(Stepwise):
    """The same without `expand`."""

    expand = Distribution.expand


class Configured(Plain):
    """The same of one that takes its nodes, which are no parameter."""

    def __init__(self, nodes: Tensor, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc, scale)
        self.nodes = nodes


@pytest.mark.parametrize(
    "made", [Stepwise(LOC, SCALE), Plain(LOC, SCALE), Configured(torch.full((N,), 0.2, dtype=torch.float64), LOC, SCALE)]
)
def test_a_constant_that_is_as_long_as_the_batch_is_no_row(made: Distribution) -> None:
    index = torch.tensor([3, 0, 3])
    part = rows(made, index)
    assert part.batch_shape == (3,)
    torch.testing.assert_close(part.log_prob(Y[index]), made.log_prob(Y)[index], rtol=0.0, atol=0.0)
    torch.testing.assert_close(
        metrics.crps(made, Outcome.exact(Y)), metrics.crps(d.Normal(LOC, SCALE), Outcome.exact(Y)), rtol=1e-9, atol=0.0
    )


MADE: dict[str, Distribution] = {
    "normal": d.Normal(LOC, SCALE),
    "mixture": d.Mixture(d.Normal(PAIR, 1.0 + WEIGHTS), weights=WEIGHTS),
    "mixture of mixtures": d.Mixture(
        d.Mixture(d.Normal(torch.stack([PAIR, PAIR], -1), torch.ones(N, 2, 2, dtype=torch.float64)), torch.ones(N, 2, 2)), WEIGHTS
    ),
    "truncated": d.Truncated(d.Normal(LOC, SCALE), lower=torch.zeros(N, dtype=torch.float64)),
    "hurdle": d.Hurdle(d.Gamma(SCALE, SCALE), gate=torch.full((N,), 0.3, dtype=torch.float64)),
    "discretized": d.Discretized(d.Normal(LOC, SCALE), torch.full((N,), 0.1, dtype=torch.float64)),
    "torch mixture": MixtureSameFamily(Categorical(probs=WEIGHTS), TorchNormal(PAIR, 1.0 + WEIGHTS)),
    "torch transform": TransformedDistribution(TorchNormal(torch.zeros(N, dtype=torch.float64), SCALE), [AffineTransform(LOC, SCALE)]),
}


@pytest.mark.parametrize("index", [torch.tensor([4, 1, 1]), slice(1, 4), torch.tensor([2]), slice(0, 0), slice(0, 99)])
@pytest.mark.parametrize("name", MADE)
def test_the_rows_score_as_they_do_among_all(name: str, index: Any) -> None:
    made, y = MADE[name], (Y / 0.1).round() * 0.1
    part = rows(made, index)
    assert part.batch_shape == Y[index].shape
    # What a distribution keeps for itself of an answer is of its own rows.
    functionals.cdf(part, y[index])
    torch.testing.assert_close(part.log_prob(y[index]), made.log_prob(y)[index], rtol=0.0, atol=0.0)
    # Rows of rows, as blocks of a block are.
    if len(Y[index]) > 1:
        again = rows(part, torch.tensor([1, 0]))
        torch.testing.assert_close(functionals.cdf(again, y[index][[1, 0]]), functionals.cdf(made, y)[index][[1, 0]], rtol=0.0, atol=1e-15)


@pytest.mark.parametrize("name", MADE)
def test_rows_that_are_alike_are_found_alike(name: str) -> None:
    index = torch.tensor([4, 1, 1, 0, 4, 2])
    first, place = distinct_rows(rows(MADE[name], index))
    assert len(first) == 4
    torch.testing.assert_close(index[first][place], index, rtol=0.0, atol=0.0)
    column = torch.tensor([0.0, 1.0, 2.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    first, place = distinct_rows(rows(MADE[name], index), column)
    assert len(first) == 5
    torch.testing.assert_close(column[first][place], column, rtol=0.0, atol=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("censored", [False, True])
@pytest.mark.parametrize("name", ["truncated", "hurdle", "torch mixture", "torch transform"])
def test_rows_that_are_alike_are_scored_once(name: str, censored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    index = torch.tensor([4, 1, 1, 0, 4, 2])
    made, y = rows(MADE[name], index), Y[index]
    outcome = Outcome(y - 0.1, y + 0.1) if censored else Outcome.exact(y)
    scored: list[int] = []
    formula = getattr(module, "_outside" if censored else "_derived")

    def counted(part: Distribution, *columns: Tensor) -> Tensor:
        scored.append(len(columns[0]))
        answer: Tensor = formula(part, *columns)
        return answer

    monkeypatch.setattr(module, formula.__name__, counted)
    together = metrics.crps(made, outcome)
    assert scored == [4]
    apart = torch.cat([metrics.crps(rows(made, torch.tensor([row])), outcome[torch.tensor([row])]) for row in range(6)])
    torch.testing.assert_close(together, apart, rtol=1e-12, atol=1e-15)


def test_rows_of_rows_keep_no_normaliser_of_other_rows() -> None:
    """Many times over: what is told apart by the address of an object goes wrong only where a freed one comes again."""
    one, turned = torch.ones(N, dtype=torch.float64), torch.arange(N).roll(1)
    expected = functionals.cdf(d.Truncated(d.Normal(LOC[turned][turned], one), lower=0.0 * one), one)
    with torch.no_grad():
        for _ in range(50):
            part: Distribution = d.Truncated(d.Normal(LOC, one), lower=0.0 * one)
            functionals.cdf(part, one)
            part = rows(part, turned)
            part = rows(part, turned)
            torch.testing.assert_close(functionals.cdf(part, one), expected, rtol=0.0, atol=0.0)
