"""The training loop."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from ..errors import CourseError
from ..evaluation import device_of
from .batches import Augment, Batches, Loss, Validation
from .checkpoint import Checkpoint
from .history import History
from .kept import Kept
from .pace import Pace, most_steps
from .shown import Shown

__all__ = ["train"]

Step = Callable[[nn.Module, Any, Any, Optimizer], float]


def train(
    model: nn.Module,
    train_data: Any,
    val_data: Any = None,
    *,
    loss: Loss,
    optimizer: Optimizer,
    step: Step,
    metric: str | None = None,
    num_epochs: int = 10,
    batch_size: int = 64,
    schedule: Callable[[float], float] | None = None,
    augment: Augment | None = None,
    keep: str = "best",
    patience: int | None = None,
    max_seconds: float | None = None,
    seed: int = 0,
    num_workers: int = 0,
    checkpoint: Path | str | None = None,
    log_dir: Path | str | None = None,
    progress: bool = True,
) -> History:
    """The run's history; `history.stopped` says why it ended. The model trains on the device it is on.

    The best epoch has the best `metric` on `val_data`, or without a metric the lowest loss there; without `val_data`
    it is the last one. Interrupting the kernel ends the run, and nothing so far is lost.

    Args:
        train_data, val_data: samples `(input, target)`, such as a `TensorDataset`; or a loader, whose batches are
            taken as they come (`batch_size`, `seed` and `num_workers` are then its own matter).
        loss: a function of predictions and targets that gives a tensor with one number.
        step: one optimisation step `step(model, inputs, targets, optimizer) -> loss`, which is for students to write.
        schedule: maps the progress of the run, from 0 to 1, to a factor for the learning rate, e.g. `cosine`.
        augment: `augment(inputs, targets, generator)` gives a changed batch; it sees training batches only.
        keep: what the model has afterwards: the parameters of the "best" epoch, the "last" ones, or an "average".
        patience: stop when the best epoch is so many epochs ago.
        max_seconds: stop after the epoch in which this time is over; the schedule keeps to it.
        seed: order of the samples and augmentation; the model's own randomness follows `seed_everything`.
        checkpoint: a file. A run that was interrupted goes on from there when it is started again.
        log_dir: a folder for TensorBoard.
        progress: show a bar and, in a notebook, a live curve.
    """
    _check(val_data, metric, patience, num_epochs=num_epochs, batch_size=batch_size)
    validation = Validation(val_data, loss, metric) if val_data is not None else None
    batches = Batches(train_data, batch_size, seed, num_workers, augment, device_of(model))
    kept = Kept(model, keep)
    settings = {"num_epochs": num_epochs, "batches": len(batches), "seed": seed, "keep": keep}
    saved = Checkpoint(checkpoint, model, optimizer, settings)
    history = saved.load(kept, batches)
    pace = Pace(optimizer, schedule, min(num_epochs * len(batches), most_steps()), max_seconds, history.seconds)
    shown = Shown(pace.max_steps, progress, log_dir, history.num_steps)
    run = _Run(model, optimizer, step, batches, validation, kept, pace, shown, history)
    run.go(num_epochs, patience, saved)
    kept.restore()
    shown.end_run(history, _what_is_kept(history, keep, checkpoint))
    return history


class _Run:
    """The parts of a run, and its loop over epochs."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        step: Step,
        batches: Batches,
        validation: Validation | None,
        kept: Kept,
        pace: Pace,
        shown: Shown,
        history: History,
    ) -> None:
        self.model, self.optimizer, self.step = model, optimizer, step
        self.batches, self.validation, self.kept = batches, validation, kept
        self.pace, self.shown, self.history = pace, shown, history

    def go(self, num_epochs: int, patience: int | None, saved: Checkpoint) -> None:
        """Nothing; the history says how it went and why it ended."""
        try:
            self.history.stopped = self._until_over(num_epochs, patience, saved)
            saved.done()
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
        finally:
            self.shown.close()
            self.pace.restore_rates()

    def _until_over(self, num_epochs: int, patience: int | None, saved: Checkpoint) -> str:
        """Why the run ended."""
        history = self.history
        while len(history.train_loss) < num_epochs:
            loss = self._epoch()
            self._measure(loss)
            history.seconds = self.pace.seconds
            self.shown.end_epoch(history)
            epoch = len(history.train_loss)
            # The last epoch ends the run in any case.
            if epoch < num_epochs and (reason := self.pace.why_over(history) or _why_stale(history, patience)):
                return reason
            self.pace.restore_rates()
            saved.save(history, self.kept, self.batches)
        return "all epochs done"

    def _epoch(self) -> float:
        """The mean loss of an epoch, or of its part up to the last step that may be done."""
        self.model.train()
        history, total, count = self.history, 0.0, 0
        for inputs, targets in self.batches:
            self.pace.set_rates(history.num_steps)
            value = _finite(self.step(self.model, inputs, targets, self.optimizer), history.num_steps)
            self.kept.after_step()
            total, count = total + value * len(targets), count + len(targets)
            history.num_steps += 1
            self.shown.step()
            if history.num_steps >= self.pace.max_steps:
                break
        return total / count

    def _measure(self, train_loss: float) -> None:
        """The end of an epoch goes into the history."""
        history, value = self.history, None
        measured = self.validation.measure(self.kept.measured) if self.validation is not None else None
        history.train_loss.append(train_loss)
        if self.validation is not None and measured is not None:
            loss, score = measured
            history.val_loss.append(loss)
            value = -loss
            if score is not None and self.validation.metric is not None:
                history.val_score.append(score)
                value = score if self.validation.metric.higher_is_better else -score
        self.kept.after_epoch(value, history)


def _why_stale(history: History, patience: int | None) -> str:
    if patience is not None and len(history.train_loss) - history.best_epoch >= patience:
        return f"no improvement for {patience} epochs"
    return ""


def _what_is_kept(history: History, keep: str, checkpoint: Path | str | None) -> str:
    kept = {
        "best": f"The model has the parameters of epoch {history.best_epoch}.",
        "last": "The model has its last parameters.",
        "average": "The model has the average of its parameters.",
    }[keep]
    again = " Start it again to go on." if history.stopped == "interrupted" and checkpoint is not None else ""
    return kept + again


def _check(val_data: Any, metric: str | None, patience: int | None, **sizes: int) -> None:
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise CourseError(f"expected {name} of at least 1, got {value!r}")
    if val_data is None and (metric is not None or patience is not None):
        raise CourseError("expected val_data for a metric or for patience, got none: pass val_data")


def _finite(value: Any, num_steps: int) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise CourseError(f"expected the step to return the loss as a number, got {value!r}") from None
    if not math.isfinite(number):
        raise CourseError(f"the loss became {number} in step {num_steps + 1}: try a smaller learning rate")
    return number
