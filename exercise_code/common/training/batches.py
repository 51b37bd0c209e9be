"""What a run learns from and is measured on: samples, or batches that a loader makes."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ..errors import CourseError
from ..evaluation import device_of, evaluating, predict, stack_samples
from ..metrics import get_metric

__all__ = ["Augment", "Batches", "Loss", "Validation", "is_loader"]

Loss = Callable[[Any, Any], Tensor]
Augment = Callable[[Any, Any, torch.Generator], tuple[Any, Any]]


def is_loader(data: Any) -> bool:
    """True for what gives batches when it is looped over, False for what gives a sample for an index."""
    return isinstance(data, DataLoader) or (hasattr(data, "__iter__") and not hasattr(data, "__getitem__"))


class Batches:
    """The shuffled batches of an epoch, on the model's device; a `TensorDataset` is cut by index, without a loader."""

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
        self.loader: Any = data if is_loader(data) else None
        if len(data) == 0:
            raise CourseError("expected at least one training sample, got an empty dataset")
        if self.loader is None and not isinstance(data, TensorDataset):
            self.loader = DataLoader(data, batch_size, shuffle=True, generator=self.generator, num_workers=num_workers)

    def __len__(self) -> int:
        return len(self.loader) if self.loader is not None else math.ceil(len(self.data) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for inputs, targets in self._plain():
            inputs, targets = _moved(inputs, self.device), _moved(targets, self.device)
            if self.augment is not None:
                inputs, targets = self.augment(inputs, targets, self.generator)
            yield inputs, targets

    def _plain(self) -> Iterator[tuple[Any, Any]]:
        if self.loader is not None:
            yield from map(_pair, self.loader)
            return
        inputs, targets = self.data.tensors
        for index in torch.split(torch.randperm(len(inputs), generator=self.generator), self.batch_size):
            yield inputs[index], targets[index]


class Validation:
    """Loss and score on held-out data. Of a loader's batches only one at a time is kept in memory."""

    def __init__(self, data: Any, loss: Loss, metric: str | None) -> None:
        self.loss, self.metric = loss, get_metric(metric) if metric is not None else None
        self.loader: Any = data if is_loader(data) else None
        self.samples = stack_samples(data) if self.loader is None else None

    def measure(self, model: nn.Module) -> tuple[float, float | None]:
        """The mean loss, and the score where there is a metric."""
        if self.samples is None:
            return self._over_batches(model)
        inputs, targets = self.samples
        predictions = torch.from_numpy(predict(model, inputs))
        targets = targets.cpu()
        score = self.metric(predictions.numpy(), targets.numpy()) if self.metric is not None else None
        return float(self.loss(predictions, targets)), score

    def _over_batches(self, model: nn.Module) -> tuple[float, float | None]:
        device, total, count = device_of(model), 0.0, 0
        if self.metric is not None:
            self.metric.reset()
        with evaluating(model):
            for inputs, targets in map(_pair, self.loader):
                targets = _moved(targets, device)
                predictions = model(_moved(inputs, device))
                total, count = total + float(self.loss(predictions, targets)) * len(targets), count + len(targets)
                if self.metric is not None:
                    self.metric.update(predictions.cpu().numpy(), targets.cpu().numpy())
        if count == 0:
            raise CourseError("expected at least one batch in val_data, got none")
        return total / count, self.metric.compute() if self.metric is not None else None


def _pair(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets of a batch, a pair or a dict with two entries."""
    parts = tuple(batch.values()) if isinstance(batch, dict) else batch
    try:
        inputs, targets = parts
    except (TypeError, ValueError):
        raise CourseError(
            f"expected batches of two parts, inputs and targets, got {type(batch).__name__}: change the loader"
        ) from None
    return inputs, targets


def _moved(values: Any, device: torch.device) -> Any:
    """Tensors on the device, alone or in tuples, lists and dicts; what is no tensor stays as it is."""
    if isinstance(values, dict):
        return {key: _moved(value, device) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return type(values)(_moved(value, device) for value in values)
    return values.to(device) if isinstance(values, Tensor) else values
