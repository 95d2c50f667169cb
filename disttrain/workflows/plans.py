"""The loop's plan, from the `training` section of a config."""

from __future__ import annotations

from dataclasses import asdict

from disttrain.config import Config
from disttrain.training import OptimizerPlan, Plan, SchedulePlan

__all__ = ["plan_of"]


def plan_of(config: Config, rows: int, constant: float) -> Plan:
    """How the loop is to train, from the config's `training` section, for so many training rows."""
    section = config.training
    # About forty steps an epoch, in powers of two: enough steps on small data, enough rows per product on large.
    automatic = min(1024, max(32, 2 ** max(0, (rows // 40).bit_length() - 1)))
    schedule = asdict(SchedulePlan())
    schedule |= {key: value for key, value in section.schedule.model_dump().items() if value is not None}
    stopping = section.early_stopping
    return Plan(
        section.epochs,
        automatic if isinstance(section.batch_size, str) else section.batch_size,
        OptimizerPlan(section.optimizer.name, section.optimizer.lr, section.optimizer.weight_decay, section.optimizer.momentum or 0.0),
        SchedulePlan(**schedule),
        None if stopping is None else stopping.patience,
        0.0 if stopping is None else stopping.min_delta,
        section.gradient_clip,
        section.seed,
        constant,
    )
