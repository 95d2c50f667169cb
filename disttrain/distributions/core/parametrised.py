"""A class decorator with the common methods of distributions: constructor, expansion, cdf and survival of their logarithms."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Protocol, TypeVar, dataclass_transform

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import functionals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Shape

Class = TypeVar("Class", bound=type[Distribution])


class Parameter(Protocol):
    """The type of a parameter in the body of a class: the constructor takes a tensor or a number, and the attribute is a tensor.

    >>> scale = disttrain.CrossEntropy("normal").family.parameter("scale")
    >>> scale.name, scale.role, scale.shape, bool(scale.support.contains(torch.tensor(-1.0)))
    ('scale', 'scale', (), False)
    """

    def __get__(self, instance: Distribution | None, owner: type | None = None) -> Tensor: ...
    def __set__(self, instance: Distribution, value: Tensor | float) -> None: ...


Real = Annotated[Parameter, constraints.real]
Positive = Annotated[Parameter, constraints.positive]
Share = Annotated[Parameter, constraints.unit_interval]


def stored(alias: str) -> Any:
    """The value, in a class body, of a parameter whose name in the constructor is `alias`: torch has a property of that name."""
    return alias


def add_methods(cls: type, **methods: Callable[..., Tensor | Distribution | None] | property) -> None:
    """Give the class those of the methods that its body does not define."""
    for name, method in methods.items():
        if name not in vars(cls):
            setattr(cls, name, method)


class _Located(Protocol):
    """A class with a location."""

    loc: Tensor


def centred(cls: Class) -> Class:
    """A class decorator: mean and mode are the parameter `loc`."""

    def loc(self: _Located) -> Tensor:
        return self.loc

    add_methods(cls, mean=property(loc), mode=property(loc))
    return cls


@dataclass_transform(field_specifiers=(stored,))
def parametrised(cls: Class) -> Class:
    """A class decorator: the parameters are the annotated names, such as `scale: Positive`, in that order, broadcast against each other.

    It adds what the class does not define itself: `arg_constraints`, the constructor (`validate_args` is off by default), `expand`, `cdf`
    and `survival` where there are log_cdf and log_survival, and `sample` by inversion. Methods take plain values. A parameter `mean`, of
    which torch has a property, is `_mean: Positive = stored("mean")`; the property returns it unless the class defines another.
    """
    hints = inspect.get_annotations(cls, eval_str=True)
    attributes = {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}
    names: list[str] = [vars(cls).get(attribute, attribute) for attribute in attributes]
    count, like = len(names), next(iter(attributes))

    def constructor(self: Distribution, *values: Tensor | float, validate_args: bool = False, **named: Tensor | float) -> None:
        arguments = dict(zip(names, values, strict=False)) | named if values else named
        if len(values) + len(named) != count or not all(map(arguments.__contains__, names)):
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}")
        shared = tensors.parameters(*map(arguments.__getitem__, names))
        for attribute, value in zip(attributes, shared, strict=True):
            setattr(self, attribute, value)
        Distribution.__init__(self, shared[0].shape, validate_args=validate_args)

    def expand(self: Distribution, batch_shape: Shape, _instance: None = None) -> Distribution:
        return cls(*(getattr(self, attribute).expand(batch_shape) for attribute in attributes))

    def sample(self: Distribution, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), by inversion."""
        with torch.no_grad():
            first: Tensor = getattr(self, like)
            return functionals.quantile(self, tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), first)).to(first.dtype)

    if "arg_constraints" not in vars(cls):
        cls.arg_constraints = dict(zip(names, attributes.values(), strict=True))  # type: ignore[assignment]
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


def cdf(self: Distribution, value: Tensor) -> Tensor:
    return functionals.log_cdf(self, value).exp()


def survival(self: Distribution, value: Tensor) -> Tensor:
    """P(Y > value), exact in the upper tail."""
    return functionals.log_survival(self, value).exp()
