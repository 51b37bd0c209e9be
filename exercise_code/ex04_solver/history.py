"""What a solver notes of its training. Given: nothing to fill in here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class History:
    """One entry an epoch; `best_epoch` is counted from 1 (0: none yet), `stopped` says why training ended.

    The names are those of the trainer of later exercises, which needs torch: one picture shows both.
    `train_loss` is the mean over the epoch's steps, each measured before it was taken; `val_loss` is measured at the
    end of the epoch. `val_score` is for those who measure something else beside the loss.
    """

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_score: list[float] = field(default_factory=list)
    best_epoch: int = 0
    stopped: str = "not trained yet"
