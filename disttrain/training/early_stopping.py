"""Early stopping: which epoch is the best so far, and when to give up waiting for a better one."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["EarlyStopping"]


@dataclass
class EarlyStopping:
    """Follows a loss over epochs, in nats per row.

    An epoch is the best when its loss is the lowest seen; the start, with the loss `best`, counts as epoch 0. It ends the waiting when
    it is lower by `min_delta` than at the last such epoch; after `patience` epochs without one the fit is over (None: never).
    """

    patience: int | None
    min_delta: float = 0.0
    best: float = math.inf
    best_epoch: int = 0
    mark: float = math.inf
    waited: int = 0

    def __post_init__(self) -> None:
        # A start that cannot be scored is beaten by any epoch.
        self.best = self.best if math.isfinite(self.best) else math.inf
        self.mark = min(self.mark, self.best)

    def improved(self, epoch: int, loss: float) -> bool:
        """Take in the loss of an epoch; whether it is the lowest so far."""
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
        """Whether patience has run out."""
        return self.patience is not None and self.waited >= self.patience
