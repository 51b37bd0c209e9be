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
    base_lrs = [group["lr"] for group in optimizer.param_groups]
    max_steps = min(num_epochs * len(batches), _max_steps())
    # What torch shuffles with is this generator's; the bar has one tick a step.
    bar = tqdm(total=max_steps, disable=not progress, unit="step", leave=True)
    curve = _live_curve() if progress else None
    start = time.perf_counter()
    history = run.history
    try:
        for epoch in range(1, num_epochs + 1):
            model.train()
            total, count = 0.0, 0
            for inputs, targets in batches:
                elapsed = time.perf_counter() - start
                if schedule is not None:
                    done = history.num_steps / max_steps
                    done = max(done, elapsed / max_seconds) if max_seconds else done
                    for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                        group["lr"] = lr * schedule(min(done, 1.0))
                value = _finite(step(model, inputs, targets, optimizer), history.num_steps)
                total, count = total + value * len(inputs), count + len(inputs)
                history.num_steps += 1
                bar.update()
                if history.num_steps >= max_steps:
                    break
            run.end_epoch(total / count)
            history.seconds = time.perf_counter() - start
            bar.set_description(f"epoch {epoch}", refresh=False)
            bar.set_postfix_str(run.summary())
            if curve is not None:
                curve.update(history)
            if history.num_steps >= max_steps:
                if epoch < num_epochs:
                    history.stopped = f"{max_steps} steps done"
                break
            if max_seconds is not None and history.seconds >= max_seconds:
                history.stopped = f"{max_seconds:g} s are over"
                break
            if run.is_stale(epoch):
                history.stopped = f"no improvement for {patience} epochs"
                break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    finally:
        bar.close()
        for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
            group["lr"] = lr
    run.restore_best()
    if curve is not None:
        curve.update(history, final=True)
    return history


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

    def is_stale(self, epoch: int) -> bool:
        return self.patience is not None and epoch - self.history.best_epoch >= self.patience

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
