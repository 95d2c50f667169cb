"""A class decorator with the common methods of distributions: constructor, expansion, cdf and survival of their logarithms."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors

Class = TypeVar("Class", bound=type[Distribution])


def parametrised(cls: Class) -> Class:
    """A class decorator: the parameters are the names in `arg_constraints`, in that order, broadcast against each other.

    It adds what the class does not define itself: the constructor (`validate_args` is off by default), `expand`, `cdf` and `survival`
    where there are log_cdf and log_survival, and `sample` by inversion. A parameter with the name of a moment, such as `mean`, is stored
    under that name with an underscore in front, as the class defines a property of that name.
    """
    names: tuple[str, ...] = tuple(cls.arg_constraints)  # type: ignore[arg-type]
    attributes = {name: f"_{name}" if isinstance(vars(cls).get(name), property) else name for name in names}

    def constructor(self: Any, *values: Tensor | float, validate_args: bool = False, **named: Tensor | float) -> None:
        arguments = dict(zip(names, values, strict=False)) | named
        if set(arguments) != set(names) or len(values) + len(named) != len(names):
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}")
        shared = tensors.parameters(*(arguments[name] for name in names))
        for name, value in zip(names, shared, strict=True):
            setattr(self, attributes[name], value)
        Distribution.__init__(self, shared[0].shape, validate_args=validate_args)

    def expand(self: Any, batch_shape: Any, _instance: Any = None) -> Any:
        return cls(*(getattr(self, attributes[name]).expand(batch_shape) for name in names))

    def cdf(self: Any, value: Tensor) -> Tensor:
        return functionals.log_cdf(self, value).exp()

    def survival(self: Any, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return functionals.log_survival(self, value).exp()

    def sample(self: Any, sample_shape: Any = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), by inversion."""
        with torch.no_grad():
            like = getattr(self, attributes[names[0]])
            return functionals.quantile(self, tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), like)).to(like.dtype)

    added = {"__init__": constructor, "expand": expand, "sample": sample}
    if hasattr(cls, "log_cdf"):
        added |= {"cdf": cdf, "survival": survival}
    for name, method in added.items():
        if name not in vars(cls):
            setattr(cls, name, method)
    return take_plain_values(cls)
