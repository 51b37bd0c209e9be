"""What happened in a training run."""

import math
from dataclasses import dataclass, field

__all__ = ["History"]


@dataclass
class History:
    """What happened in a run: one entry an epoch, `best_epoch` counted from 1 (0: none finished)."""

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_score: list[float] = field(default_factory=list)
    best_epoch: int = 0
    num_steps: int = 0
    seconds: float = 0.0
    stopped: str = "all epochs done"

    @property
    def best_score(self) -> float:
        """The score of the best epoch; NaN where none was measured."""
        return self.val_score[self.best_epoch - 1] if self.val_score and self.best_epoch else math.nan

    def summary(self) -> str:
        """The numbers of the last epoch."""
        parts = [f"loss {self.train_loss[-1]:.4g}"]
        if self.val_loss:
            parts.append(f"val loss {self.val_loss[-1]:.4g}")
        if self.val_score:
            parts.append(f"val score {self.val_score[-1]:.4g}")
        return ", ".join(parts)
