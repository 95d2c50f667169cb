"""What an example of a distribution is: a name, values of its parameters, and scipy's distribution of the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from disttrain import distributions

__all__ = ["Example", "made", "of", "rows", "tensor"]


@dataclass(frozen=True)
class Example:
    """A distribution by name, values of its parameters, and scipy's distribution of the same parameters (None where it has none)."""

    name: str
    parameters: dict[str, Any]
    scipy: Callable[..., Any] | None
    discrete: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{'-'.join(str(v) for v in self.parameters.values())}"

    def oracle(self) -> Any:
        assert self.scipy is not None
        return self.scipy(**self.parameters)


def tensor(values: Any) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def of(name: str, **parameters: Any) -> torch.distributions.Distribution:
    """The distribution `name` of float64 parameters."""
    return getattr(distributions, name)(**{key: tensor(value) for key, value in parameters.items()})


def made(example: Example) -> torch.distributions.Distribution:
    return of(example.name, **example.parameters)


def rows(name: str, scipy: Callable[..., Any] | None, *points: dict[str, Any], discrete: bool = False) -> list[Example]:
    """Examples of one distribution, one for each point."""
    return [Example(name, point, scipy, discrete) for point in points]
