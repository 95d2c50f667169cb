"""Early stopping: the best epoch so far, and the end of the fit after epochs without improvement."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class EarlyStopping:
    """The best epoch of a fit, from the loss of each epoch in nats per row.

    The best epoch has the lowest loss; the initial weights, with the loss `best`, count as epoch 0. `mark` is the loss of the last epoch
    that improved by more than `min_delta`, and `waited` counts the epochs since then. The fit is over after `patience` such epochs (None:
    never).
    """

    patience: int | None
    min_delta: float = 0.0
    best: float = math.inf
    best_epoch: int = 0
    mark: float = math.inf
    waited: int = 0

    def __post_init__(self) -> None:
        # Every epoch is better than a start without a finite loss.
        self.best = self.best if math.isfinite(self.best) else math.inf
        self.mark = min(self.mark, self.best)

    def improved(self, epoch: int, loss: float) -> bool:
        """Take the loss of an epoch; return true if it is the lowest so far."""
        if loss < self.mark - self.min_delta:
            self.mark, self.waited = loss, 0
        else:
            self.waited += 1
        if not loss < self.best:
            return False
        self.best, self.best_epoch = loss, epoch
        return True

    @property
    def over(self) -> bool:
        """True if `patience` epochs passed without improvement."""
        return self.patience is not None and self.waited >= self.patience
