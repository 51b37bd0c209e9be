"""The one training loop of the course: epochs, early stopping, a progress bar and a live curve."""

import copy
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset
from tqdm.auto import tqdm

from .errors import CourseError
from .evaluation import device_of, predict, stack_samples
from .metrics import get_metric

__all__ = ["History", "cosine", "train"]

Loss = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[nn.Module, Tensor, Tensor, Optimizer], float]
Augment = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]

MAX_STEPS_VARIABLE = "COURSE_MAX_STEPS"


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
    patience: int | None = None,
    max_seconds: float | None = None,
    seed: int = 0,
    num_workers: int = 0,
    progress: bool = True,
) -> History:
    """The run's history; afterwards the model has the parameters of its best epoch, a copy taken in time.

    The best epoch is the one with the best `metric` on `val_data`, or the lowest loss there where no metric is
    named; without `val_data` it is the last one. The model trains on the device it is on.

    Args:
        train_data, val_data: samples `(input, target)`, such as a `TensorDataset`.
        loss: a function of predictions and targets that gives a tensor with one number.
        step: one optimisation step `step(model, inputs, targets, optimizer) -> loss`, which is for students to write.
        schedule: maps the progress of the run, from 0 to 1, to a factor for the learning rate, e.g. `cosine`.
        augment: `augment(inputs, targets, generator)` gives a changed batch; it sees training batches only.
        patience: stop when the best epoch is so many epochs ago.
        max_seconds: stop after the epoch in which this time is over; the schedule keeps to it.
        seed: order of the samples and augmentation; the model's own randomness follows `seed_everything`.
        progress: show a bar and, in a notebook, a live curve.

    The environment variable `COURSE_MAX_STEPS` caps the steps of a run, for tests. Interrupting the kernel
    ends the run and keeps the best parameters found so far.
    """
    _check_sizes(num_epochs=num_epochs, batch_size=batch_size)
    run = _Run(model, loss, val_data, metric, patience)
    batches = _Batches(train_data, batch_size, seed, num_workers, augment, device_of(model))
    pace = _Pace(optimizer, schedule, min(num_epochs * len(batches), _max_steps()), max_seconds)
    shown = _Shown(pace.max_steps, progress)
    try:
        for epoch in range(1, num_epochs + 1):
            run.end_epoch(_epoch(batches, model, optimizer, step, pace, run.history, shown))
            run.history.seconds = pace.seconds
            shown.end_epoch(epoch, run)
            # The last epoch ends the run in any case.
            if epoch < num_epochs and (reason := pace.why_over(run.history) or run.why_stale(epoch)):
                run.history.stopped = reason
                break
    except KeyboardInterrupt:
        run.history.stopped = "interrupted"
    finally:
        shown.bar.close()
        pace.restore_rates()
    run.restore_best()
    shown.end_run(run.history)
    return run.history


def cosine(progress: float, warmup: float = 0.05) -> float:
    """A learning-rate factor that rises to 1 in the first twentieth of the run and falls to 0 along a cosine."""
    if progress < warmup:
        return (progress + 0.1 * warmup) / (1.1 * warmup)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


class _Run:
    """The history of a run and the best parameters so far."""

    def __init__(self, model: nn.Module, loss: Loss, val_data: Any, metric: str | None, patience: int | None) -> None:
        if val_data is None and (metric is not None or patience is not None):
            raise CourseError("expected val_data for a metric or for patience, got none: pass val_data")
        self.model, self.loss, self.patience = model, loss, patience
        self.metric = get_metric(metric) if metric is not None else None
        self.val = stack_samples(val_data) if val_data is not None else None
        self.history = History()
        self.best_parameters: dict[str, Any] | None = None
        self.best_value = -math.inf

    def end_epoch(self, train_loss: float) -> None:
        history = self.history
        history.train_loss.append(train_loss)
        value = math.inf
        if self.val is not None:
            inputs, targets = self.val
            predictions = torch.from_numpy(predict(self.model, inputs))
            history.val_loss.append(float(self.loss(predictions, targets.cpu())))
            value = -history.val_loss[-1]
            if self.metric is not None:
                history.val_score.append(self.metric(predictions.numpy(), targets.cpu().numpy()))
                value = history.val_score[-1] * (1 if self.metric.higher_is_better else -1)
        if value > self.best_value or self.val is None:
            self.best_value, history.best_epoch = value, len(history.train_loss)
            # A copy: the optimizer goes on writing into the tensors that state_dict() refers to.
            self.best_parameters = copy.deepcopy(self.model.state_dict()) if self.val is not None else None

    def why_stale(self, epoch: int) -> str:
        if self.patience is not None and epoch - self.history.best_epoch >= self.patience:
            return f"no improvement for {self.patience} epochs"
        return ""

    def restore_best(self) -> None:
        if self.best_parameters is not None:
            self.model.load_state_dict(self.best_parameters)

    def summary(self) -> str:
        history = self.history
        parts = [f"loss {history.train_loss[-1]:.4g}"]
        if history.val_loss:
            parts.append(f"val loss {history.val_loss[-1]:.4g}")
        if history.val_score:
            parts.append(f"val score {history.val_score[-1]:.4g}")
        return ", ".join(parts)


class _Pace:
    """The learning rates along a run, and the time that it has taken."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Callable[[float], float] | None,
        max_steps: int,
        max_seconds: float | None,
    ) -> None:
        self.groups, self.schedule = optimizer.param_groups, schedule
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.rates = [group["lr"] for group in self.groups]
        self.start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    def set_rates(self, num_steps: int) -> None:
        if self.schedule is None:
            return
        done = num_steps / self.max_steps
        done = max(done, self.seconds / self.max_seconds) if self.max_seconds else done
        factor = self.schedule(min(done, 1.0))
        for group, rate in zip(self.groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def restore_rates(self) -> None:
        for group, rate in zip(self.groups, self.rates, strict=True):
            group["lr"] = rate

    def why_over(self, history: History) -> str:
        if history.num_steps >= self.max_steps:
            return f"{self.max_steps} steps done"
        if self.max_seconds is not None and history.seconds >= self.max_seconds:
            return f"{self.max_seconds:g} s are over"
        return ""


class _Batches:
    """Shuffled batches of an epoch, on the model's device; a `TensorDataset` is cut by index, without a loader."""

    def __init__(
        self,
        data: Any,
        batch_size: int,
        seed: int,
        num_workers: int,
        augment: Augment | None,
        device: torch.device,
    ) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.data, self.batch_size, self.augment, self.device = data, batch_size, augment, device
        self.loader: DataLoader[Any] | None = None
        if len(data) == 0:
            raise CourseError("expected at least one training sample, got an empty dataset")
        if not isinstance(data, TensorDataset):
            self.loader = DataLoader(data, batch_size, shuffle=True, generator=self.generator, num_workers=num_workers)

    def __len__(self) -> int:
        return math.ceil(len(self.data) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, targets in self._plain():
            inputs, targets = inputs.to(self.device), targets.to(self.device)
            if self.augment is not None:
                inputs, targets = self.augment(inputs, targets, self.generator)
            yield inputs, targets

    def _plain(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.loader is not None:
            for batch in self.loader:
                yield tuple(batch.values()) if isinstance(batch, dict) else batch
            return
        inputs, targets = self.data.tensors
        for index in torch.split(torch.randperm(len(inputs), generator=self.generator), self.batch_size):
            yield inputs[index], targets[index]


class _Shown:
    """A bar with one tick a step and, in a notebook, a live curve; nothing without `progress`."""

    def __init__(self, max_steps: int, progress: bool) -> None:
        self.bar = tqdm(total=max_steps, disable=not progress, unit="step", leave=True)
        self.curve = _live_curve() if progress else None

    def end_epoch(self, epoch: int, run: _Run) -> None:
        self.bar.set_description(f"epoch {epoch}", refresh=False)
        self.bar.set_postfix_str(run.summary())
        if self.curve is not None:
            self.curve.update(run.history)

    def end_run(self, history: History) -> None:
        if self.curve is not None:
            self.curve.update(history, final=True)


def _epoch(
    batches: _Batches,
    model: nn.Module,
    optimizer: Optimizer,
    step: Step,
    pace: _Pace,
    history: History,
    shown: _Shown,
) -> float:
    """The mean loss of an epoch, or of its part up to the last step that may be done."""
    model.train()
    total, count = 0.0, 0
    for inputs, targets in batches:
        pace.set_rates(history.num_steps)
        value = _finite(step(model, inputs, targets, optimizer), history.num_steps)
        total, count = total + value * len(inputs), count + len(inputs)
        history.num_steps += 1
        shown.bar.update()
        if history.num_steps >= pace.max_steps:
            break
    return total / count


def _live_curve() -> Any:
    from .plotting import LiveCurve

    return LiveCurve()


def _max_steps() -> int:
    text = os.environ.get(MAX_STEPS_VARIABLE, "")
    if not text:
        return 2**62
    if not text.isdigit() or int(text) < 1:
        raise CourseError(f"expected a number of steps of at least 1 in {MAX_STEPS_VARIABLE}, got {text!r}")
    return int(text)


def _check_sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise CourseError(f"expected {name} of at least 1, got {value!r}")


def _finite(value: Any, num_steps: int) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise CourseError(f"expected the step to return the loss as a number, got {value!r}") from None
    if not math.isfinite(number):
        raise CourseError(f"the loss became {number} in step {num_steps + 1}: try a smaller learning rate")
    return number
