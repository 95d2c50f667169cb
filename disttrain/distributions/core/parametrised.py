"""A class decorator with the common methods of distributions: constructor, expansion, cdf and survival of their logarithms."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol, TypeVar, dataclass_transform

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Shape

Class = TypeVar("Class", bound=type[Distribution])


class Parameter(Protocol):
    """The type of a parameter in the body of a class: the constructor takes a tensor or a number, and the attribute is a tensor."""

    def __get__(self, instance: Distribution | None, owner: type | None = None) -> Tensor: ...
    def __set__(self, instance: Distribution, value: Tensor | float) -> None: ...


def add_methods(cls: type, **methods: Callable[..., Tensor | Distribution | None] | property) -> None:
    """Give the class those of the methods that its body does not define."""
    for name, method in methods.items():
        if name not in vars(cls):
            setattr(cls, name, method)


@dataclass_transform()
def parametrised(cls: Class) -> Class:
    """A class decorator: the parameters are the names in `arg_constraints`, in that order, broadcast against each other.

    It adds what the class does not define itself: the constructor (`validate_args` is off by default), `expand`, `cdf` and `survival`
    where there are log_cdf and log_survival, and `sample` by inversion. A parameter with the name of a moment, such as `mean`, is stored
    under that name with an underscore in front, and the class defines a property of that name or gets one. Methods take plain values.
    """
    names: tuple[str, ...] = tuple(cls.arg_constraints)  # type: ignore[arg-type]
    annotated = inspect.get_annotations(cls)
    attributes = [f"_{name}" if f"_{name}" in annotated else name for name in names]

    def constructor(self: Distribution, *values: Tensor | float, validate_args: bool = False, **named: Tensor | float) -> None:
        arguments = dict(zip(names, values, strict=False)) | named if values else named
        if len(values) + len(named) != len(names) or len(arguments) != len(names):
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}")
        try:
            shared = tensors.parameters(*[arguments[name] for name in names])
        except KeyError:
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}") from None
        vars(self).update(zip(attributes, shared, strict=True))
        Distribution.__init__(self, shared[0].shape, validate_args=validate_args)

    def expand(self: Distribution, batch_shape: Shape, _instance: None = None) -> Distribution:
        return cls(*(getattr(self, attribute).expand(batch_shape) for attribute in attributes))

    def cdf(self: Distribution, value: Tensor) -> Tensor:
        return functionals.log_cdf(self, value).exp()

    def survival(self: Distribution, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return functionals.log_survival(self, value).exp()

    def sample(self: Distribution, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), by inversion."""
        with torch.no_grad():
            like = getattr(self, attributes[0])
            return functionals.quantile(self, tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), like)).to(like.dtype)

    add_methods(cls, __init__=constructor, expand=expand, sample=sample)
    if hasattr(cls, "log_cdf"):
        add_methods(cls, cdf=cdf, survival=survival)
    for attribute, name in zip(attributes, names, strict=True):
        if attribute != name:
            add_methods(cls, **{name: _stored(attribute)})
    return take_plain_values(cls)


def _stored(attribute: str) -> property:
    """The parameter as a property: torch has one of its name, which an attribute cannot replace."""
    return property(lambda self: getattr(self, attribute))
