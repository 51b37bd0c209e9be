"""Which parameters a model has after a run: those of the best epoch, the last ones, or their average."""

import copy
import math
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ..errors import CourseError
from .history import History

__all__ = ["KEEP", "Kept"]

KEEP = ("best", "last", "average")
AVERAGE_DECAY = 0.999


class Kept:
    """Notes after each epoch what the model will have in the end.

    "best" copies the parameters of the best epoch. "average" has a mean over the steps, in which those of the last
    thousand count most: it is often better than any of them, and no epoch has to be picked.
    """

    def __init__(self, model: nn.Module, keep: str) -> None:
        if keep not in KEEP:
            raise CourseError(f"expected keep to be one of {', '.join(KEEP)}, got {keep!r}")
        self.model, self.keep = model, keep
        self.best: dict[str, Any] | None = None
        self.best_value = -math.inf
        self.average = AveragedModel(model, avg_fn=_towards, use_buffers=True) if keep == "average" else None

    @property
    def measured(self) -> nn.Module:
        """The model that an epoch is measured with."""
        return self.average.module if self.average is not None else self.model

    def after_step(self) -> None:
        """The average follows."""
        if self.average is not None:
            self.average.update_parameters(self.model)

    def after_epoch(self, value: float | None, history: History) -> None:
        """`value`, higher is better, may make this epoch the best one; without a value it is."""
        better = value is None or value > self.best_value
        if better:
            self.best_value = self.best_value if value is None else value
            history.best_epoch = len(history.train_loss)
        if better and value is not None and self.keep == "best":
            # A copy: the optimizer goes on writing into the tensors that state_dict() refers to.
            self.best = copy.deepcopy(self.model.state_dict())

    def restore(self) -> None:
        """The model gets what was kept."""
        if self.average is not None and int(self.average.n_averaged) > 0:
            self.model.load_state_dict(self.average.module.state_dict())
        elif self.best is not None:
            self.model.load_state_dict(self.best)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        average = self.average.state_dict() if self.average is not None else None
        return {"best": self.best, "best_value": self.best_value, "average": average}

    def load(self, state: dict[str, Any]) -> None:
        """Back from a checkpoint."""
        self.best, self.best_value = state["best"], state["best_value"]
        if self.average is not None:
            self.average.load_state_dict(state["average"])


def _towards(average: Tensor, now: Tensor, num_averaged: Tensor | int) -> Tensor:
    """A plain mean at first, so that the weights at the start are soon forgotten; then a running one."""
    return average + (now - average) * max(1 - AVERAGE_DECAY, 1 / (int(num_averaged) + 1))
