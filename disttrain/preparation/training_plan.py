"""The training plan, from the `training` section of a config."""

from __future__ import annotations

import math
from dataclasses import asdict

import torch

from disttrain.config import Config
from disttrain.families import Family, Scaling
from disttrain.likelihood import weighted_mean
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan

# Automatic epochs: enough for so many steps, within bounds.
_STEPS, _LEAST_EPOCHS, _MOST_EPOCHS = 2_000, 80, 300


def constant_of(family: Family, scaling: Scaling, rows: RowTensors | None) -> float:
    """The difference between the mean nll in target units and that of standardised rows.

    Only densities have a unit. The probability of an interval or of an atom adds nothing to the difference.
    """
    if rows is None or family.support.discrete:
        return 0.0
    outcome = rows.outcome.to(torch.device("cpu"))
    dense = outcome.is_exact.double()
    for atom in family.atoms:
        dense = dense * (outcome.lower != atom)
    lacking = dense * torch.tensor(scaling.spread, dtype=torch.float64).log()
    return float(weighted_mean(lacking.reshape(len(rows), -1).sum(1), None if rows.weight is None else rows.weight.cpu()))


def plan_of(config: Config, rows: int, constants: tuple[float, float] = (0.0, 0.0)) -> Plan:
    """The plan of the training loop, from the config's `training` section, for a number of training rows; `constants` as in Plan."""
    section, schedule = config.training, asdict(SchedulePlan())
    # A power of two with about forty steps per epoch: enough steps for small data, enough rows per product for large data.
    automatic = min(1024, max(32, 2 ** max(0, (rows // 40).bit_length() - 1)))
    schedule |= {key: value for key, value in section.schedule.model_dump().items() if value is not None}
    stopping = section.early_stopping
    batch_size = automatic if isinstance(section.batch_size, str) else section.batch_size
    steps = 1 if section.optimizer.name == "lbfgs" else math.ceil(rows / batch_size)
    return Plan(
        min(_MOST_EPOCHS, max(_LEAST_EPOCHS, math.ceil(_STEPS / steps))) if isinstance(section.epochs, str) else section.epochs,
        batch_size,
        OptimizerPlan(
            section.optimizer.name,
            section.optimizer.lr,
            section.optimizer.weight_decay,
            section.optimizer.momentum or 0.0,
            section.averaging,
        ),
        SchedulePlan(**schedule),
        None if stopping is None else stopping.patience,
        0.0 if stopping is None else stopping.min_delta,
        section.gradient_clip,
        section.seed,
        section.refit_intercepts,
        *constants,
    )
