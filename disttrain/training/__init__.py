"""Training: the loop, the marginal fit, optimizers, schedules, early stopping, devices."""

from disttrain.training.cross_entropy import CrossEntropy
from disttrain.training.devices import deterministic, device, threads, use_bfloat16
from disttrain.training.initial_state import Start, Weights, best_of, better_start, start_of
from disttrain.training.linear_start import start_linear
from disttrain.training.loop import Epoch, epochs
from disttrain.training.marginal_fit import initial_raw, marginal_raw
from disttrain.training.optimizers import OPTIMIZERS, SCHEDULES
from disttrain.training.plan import OptimizerPlan, Plan, SchedulePlan
from disttrain.training.row_losses import mean_nll, member_nll
from disttrain.training.row_tensors import RowTensors
from disttrain.training.state import TrainingState, signature
from disttrain.training.trainer import NotFinite

__all__ = [
    "OPTIMIZERS", "SCHEDULES", "CrossEntropy", "Epoch", "NotFinite", "OptimizerPlan", "Plan", "RowTensors", "SchedulePlan", "TrainingState",
    "Start", "Weights", "best_of", "better_start", "deterministic", "device", "epochs", "initial_raw", "marginal_raw", "mean_nll", "member_nll", "signature",
    "start_linear", "start_of", "threads", "use_bfloat16",
]  # fmt: skip
