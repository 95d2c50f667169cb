"""The settings of training: epochs, batches, optimizer and schedule."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class OptimizerPlan:
    """The name of an optimizer, its learning rate, weight decay and momentum; `averaging` is the decay of WeightAverage, 0 for no average."""

    name: str
    lr: float
    weight_decay: float = 0.0
    momentum: float = 0.0
    averaging: float = 0.0


@dataclass(frozen=True)
class SchedulePlan:
    """A schedule of the learning rate: `warmup_epochs` of linear rise, then by name; the other fields belong to `step` and `plateau`."""

    name: str = "cosine"
    warmup_epochs: int = 0
    step_size: int = 30
    gamma: float = 0.1
    factor: float = 0.5
    patience: int = 10


@dataclass(frozen=True)
class Plan:
    """The settings of a fit: at most `epochs` passes in batches of `batch_size` rows, in an order that `seed` fixes.

    With `refit_intercepts` the network of each epoch is scored and kept with the intercepts that suit the validation rows.

    `constant` (nats) is added to every reported loss of the training rows, `held_out_constant` to that of the validation rows: the log
    scale of the target, which turns losses of the standardised target into losses of the target in its own units.
    """

    epochs: int
    batch_size: int
    optimizer: OptimizerPlan
    schedule: SchedulePlan = field(default_factory=SchedulePlan)
    patience: int | None = None
    min_delta: float = 0.0
    gradient_clip: float | None = None
    seed: int = 0
    refit_intercepts: bool = False
    constant: float = 0.0
    held_out_constant: float = 0.0
