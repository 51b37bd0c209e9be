"""A model's score on a dataset: the value of the loop over single samples, from batches that fit the cache."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.data import TensorDataset, default_collate

from .devices import full_float32
from .errors import CourseError
from .hand_ins.model_file import misfit
from .metrics import Metric, get_metric
from .probing.failures import OddAnswer

__all__ = [
    "choose_batch_size",
    "device_of",
    "evaluate_model",
    "evaluating",
    "load_saved",
    "predict",
    "predict_saved",
    "stack_samples",
]

# On a CPU a typical layer's activations should stay in the cache: beyond it large batches are slower than single
# samples (wide CNNs), far below it the overhead of each call is what counts (deep and thin ones). Measured with
# benchmarks/evaluate.py.
CPU_CACHE_BYTES = 4 * 2**20
ACCELERATOR_BYTES = 512 * 2**20
MAX_BATCH_SIZE = 256


def evaluate_model(
    model: nn.Module,
    dataset: Any,
    metric: str | Metric | Callable[[Any, Any], float],
    batch_size: int | None = None,
    device: str | torch.device | None = None,
) -> float:
    """The model's score on all samples of a dataset.

    The model is set to eval mode and given back in the mode it had; it is never moved: inputs travel to it.

    Args:
        dataset: samples `(input, target)` or dicts with two entries, the input first.
        metric: a metric's name (see `exercise_code.common.metrics`), a metric, or a function of predictions and
            targets.
        batch_size: samples a forward pass; None chooses one that is fast for this model on this device.
        device: where the model is expected to be; None takes it where it is.
    """
    if device is not None and torch.device(device).type != device_of(model).type:
        raise CourseError(
            f"expected the model on {device}, it is on {device_of(model)}: move it, model.to({str(device)!r})"
        )
    inputs, targets = stack_samples(dataset)
    predictions = predict(model, inputs, batch_size)
    score = get_metric(metric) if isinstance(metric, str) else metric
    return float(score(predictions, targets.cpu().numpy()))


def predict(model: nn.Module, inputs: Tensor | np.ndarray[Any, Any], batch_size: int | None = None) -> Any:
    """The model's outputs for all inputs, a numpy array; in eval mode, without gradients, on the model's device."""
    samples = torch.as_tensor(inputs)
    if len(samples) == 0:
        raise CourseError("expected at least one sample, got none: look at the dataset's length")
    device = device_of(model)
    outputs: list[Tensor] = []
    if batch_size is None:
        batch_size, first = _probe(model, samples)
        # The probe was a pass like any other: its answer counts, and the rest begins behind it.
        outputs.append(_checked(first, 1))
    with evaluating(model):
        # A model on an accelerator computes on while the next batch is on its way: one wait at the end.
        rest = samples[len(outputs) :]
        batches = torch.split(rest, batch_size) if len(rest) else ()
        outputs += [_checked(model(batch.to(device)), len(batch)) for batch in batches]
        return torch.cat(outputs).cpu().numpy()


def predict_saved(build: Callable[[dict[str, Any]], nn.Module], path: Path, inputs: np.ndarray[Any, Any]) -> Any:
    """What the model at `path` (`models/NAME.safetensors`, hyperparameters in `NAME.json`) answers for all inputs.

    `build` is the class of the student's model.
    """
    return predict(load_saved(build, path), inputs)


def load_saved(build: Callable[[dict[str, Any]], nn.Module], path: Path) -> nn.Module:
    """The model at `path`, built by `build(hparams)` and filled with its weights, where the grader wants models to run.

    In a notebook nobody says where, and the score is the same either way. Weights that do not fit raise an `OddAnswer`,
    a student's mistake.
    """
    full_float32()
    hparams = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    model = build(hparams)
    state = load_file(path)
    shapes = [{key: tuple(tensor.shape) for key, tensor in each.items()} for each in (state, model.state_dict())]
    if problem := misfit(*shapes):
        raise OddAnswer(f"the weights in {path.name} do not fit the code: {problem}; train and save it again")
    model.load_state_dict(state)
    return model.to(os.environ.get("COURSE_DEVICE", "cpu"))


def choose_batch_size(model: nn.Module, inputs: Tensor) -> int:
    """A batch size that is fast for this model on its device, found from the activations of one sample.

    It follows from sizes, not from a stopwatch, so that the same model gets the same batches each time.
    """
    return _probe(model, inputs)[0]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A block in which the model is in eval mode and no gradients are recorded; each layer gets its mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        # Not inference_mode: a tensor that a model caches in it could not be used in training afterwards.
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's first parameter or buffer; the CPU for a model without any."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def stack_samples(dataset: Any) -> tuple[Tensor, Tensor]:
    """All inputs and all targets of a dataset, stacked along a first axis."""
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        return dataset.tensors[0], dataset.tensors[1]
    try:
        samples = [_pair(dataset[i]) for i in range(len(dataset))]
    except TypeError as error:
        raise CourseError(f"expected a dataset with len() and [index], got {type(dataset).__name__}: {error}") from None
    if not samples:
        raise CourseError("expected at least one sample, got an empty dataset")
    inputs, targets = default_collate(samples)
    return inputs, targets


def _probe(model: nn.Module, inputs: Tensor) -> tuple[int, Any]:
    """A batch size, and the model's answer for the first sample."""
    device = device_of(model)
    sample = inputs[:1].to(device)
    with evaluating(model), _ActivationMeter() as meter:
        answer = model(sample)
    budget = CPU_CACHE_BYTES if device.type == "cpu" else ACCELERATOR_BYTES
    return max(1, int(min(MAX_BATCH_SIZE, len(inputs), budget // max(meter.mean_bytes, 1)))), answer


def _pair(sample: Any) -> tuple[Any, Any]:
    values = tuple(sample.values()) if isinstance(sample, Mapping) else sample
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise CourseError(f"expected samples (input, target) or dicts with two entries, got {type(sample).__name__}")
    return values[0], values[1]


def _checked(output: Any, size: int) -> Tensor:
    if not isinstance(output, Tensor):
        raise CourseError(f"expected the model to return a tensor, got {type(output).__name__}")
    if output.ndim == 0 or len(output) != size:
        raise CourseError(
            f"expected one output for each of the {size} samples, got a tensor of shape {tuple(output.shape)}: "
            "the first axis is the batch"
        )
    return output


class _ActivationMeter(TorchFunctionMode):
    """Finds how many bytes of activations an operation reads and writes on average; weights do not count."""

    def __init__(self) -> None:
        super().__init__()
        self.total_bytes, self.operations = 0, 0

    @property
    def mean_bytes(self) -> int:
        return self.total_bytes // max(self.operations, 1)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        # Looking up an attribute is a call, too; only what makes or changes a tensor counts.
        if isinstance(result, Tensor | tuple) and getattr(func, "__name__", "") != "__get__":
            self.total_bytes += sum(_activation_bytes(value) for value in (*args, result))
            self.operations += 1
        return result


def _activation_bytes(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(_activation_bytes(item) for item in value)
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        return value.numel() * value.element_size()
    return 0
