"""The conditions of each row, which enter its distribution directly: exposure, offsets and parameters given by columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Conditions:
    """The conditions of n rows, in float64; empty by default.

    The mean of counts and totals is proportional to `exposure` (n,), positive. `offsets` {parameter: (n,)} are added to raw outputs before
    the activation. `given` {parameter: (n,)} are parameters that a column gives, in units of the standardised target.

    The rate of a Poisson with a raw output of 0 is exp(0) times the exposure:

    >>> conditions = disttrain.Conditions(exposure=torch.tensor([1.0, 10.0]))
    >>> disttrain.CrossEntropy("poisson").distribution(torch.zeros(2, 1), conditions).mean
    tensor([ 1.0000, 10.0000], dtype=torch.float64)
    """

    exposure: Tensor | None = None
    offsets: Mapping[str, Tensor] = field(default_factory=dict)
    given: Mapping[str, Tensor] = field(default_factory=dict)

    def map(self, function: Callable[[Tensor], Tensor]) -> Conditions:
        """The conditions with a function of every column, such as a selection of rows or a move to a device.

        >>> disttrain.Conditions(offsets={"loc": torch.tensor([0.5, 1.5])}).map(lambda column: 2 * column).offsets
        {'loc': tensor([1., 3.])}
        """
        if not self:
            return self
        exposure = None if self.exposure is None else function(self.exposure)
        offsets, parameters = ({name: function(value) for name, value in part.items()} for part in (self.offsets, self.given))
        return Conditions(exposure, offsets, parameters)

    def __bool__(self) -> bool:
        return self.exposure is not None or bool(self.offsets) or bool(self.given)

    def __getitem__(self, rows: slice | Tensor) -> Conditions:
        return self.map(lambda column: column[rows])

    def to(self, device: torch.device) -> Conditions:
        """The conditions on another device.

        >>> disttrain.Conditions(exposure=torch.tensor([1.0])).to(torch.device("meta")).exposure.device
        device(type='meta')
        """
        return self.map(lambda column: column.to(device))

    def padded(self, rows: int) -> Conditions:
        """The conditions with ones appended up to `rows` rows; 1 is a valid value of every condition.

        >>> disttrain.Conditions(exposure=torch.tensor([2.0])).padded(3).exposure
        tensor([2., 1., 1.])
        """
        return self.map(lambda column: torch.nn.functional.pad(column, (0, rows - len(column)), value=1.0))
