"""Training: the loop, the marginal fit, optimizers, schedules, early stopping, devices."""

from disttrain.training.cross_entropy import CrossEntropy
from disttrain.training.devices import deterministic, device, halved, threads
from disttrain.training.linear import start_linear
from disttrain.training.loop import Epoch, epochs
from disttrain.training.marginal import head_start, marginal_raw
from disttrain.training.optimizers import OPTIMIZERS, SCHEDULES, OptimizerPlan, SchedulePlan
from disttrain.training.passes import NotFinite, Plan, mean_nll, member_nll
from disttrain.training.rows import Rows
from disttrain.training.standing import Standing
from disttrain.training.start import Start, best_of, better_start, start_of

__all__ = [
    "OPTIMIZERS", "SCHEDULES", "CrossEntropy", "Epoch", "NotFinite", "OptimizerPlan", "Plan", "Rows", "SchedulePlan", "Standing",
    "Start", "best_of", "better_start", "deterministic", "device", "epochs", "halved", "head_start", "marginal_raw", "mean_nll", "member_nll", "start_linear",
    "start_of", "threads",
]  # fmt: skip
