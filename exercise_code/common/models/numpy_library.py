"""Models of numpy: `params` is a dict of arrays, `forward` gives predictions for a batch."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save

from ..errors import CourseError
from ..hand_ins.model_file import misfit
from ..metrics import get_metric
from ..probing.failures import OddAnswer
from .library import shapes

__all__ = ["NumpyLibrary", "has_params", "predict", "predict_saved"]

Array = npt.NDArray[Any]
BATCH_SIZE = 256


def has_params(model: Any) -> bool:
    """True where `params` is a dict of arrays."""
    params = getattr(model, "params", None)
    return isinstance(params, dict) and bool(params) and all(isinstance(each, np.ndarray) for each in params.values())


class NumpyLibrary:
    """A model with `params` and `forward`; where it has `eval()`, that is called before it is used."""

    def unwrapped(self, model: Any) -> Any:
        """The model itself."""
        return model

    def state(self, model: Any) -> dict[str, Array]:
        """Copies."""
        return {name: np.array(values, order="C") for name, values in model.params.items()}

    def pack(self, state: Mapping[str, Array], metadata: dict[str, str] | None) -> bytes:
        """The content of a safetensors file."""
        return save(dict(state), metadata)

    def read(self, path: Path) -> dict[str, Array]:
        """What a safetensors file holds."""
        return load_file(path)

    def fill(self, model: Any, state: Mapping[str, Array]) -> Any:
        """The model with these values, written into its own arrays: its layers hold the same ones."""
        for name, values in model.params.items():
            values[...] = state[name]
        if callable(getattr(model, "eval", None)):
            model.eval()
        return model

    def same(self, one: Array, other: Array) -> bool:
        """True for the same bytes: NaN equals itself here."""
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()

    def parameters(self, model: Any) -> int:
        """How many values its arrays of floats have."""
        return sum(values.size for values in model.params.values() if values.dtype.kind == "f")

    def score(self, model: Any, dataset: Any, metric: str) -> float:
        """The score on a pair of arrays, inputs and targets."""
        try:
            inputs, targets = dataset
        except (TypeError, ValueError):
            raise CourseError(f"expected a pair (inputs, targets), got {type(dataset).__name__}") from None
        return float(get_metric(metric)(predict(model, inputs), targets))


def predict(model: Any, inputs: Array) -> Array:
    """The model's outputs for all inputs, computed in batches."""
    batches = [model.forward(inputs[start : start + BATCH_SIZE]) for start in range(0, len(inputs), BATCH_SIZE)]
    return np.concatenate(batches)


def predict_saved(build: Callable[[dict[str, Any]], Any], path: Path, inputs: Array) -> Array:
    """What the model at `path` (`models/NAME.safetensors`, hyperparameters in `NAME.json`) answers for all inputs.

    `build` is the class of the student's model. Weights that do not fit raise an `OddAnswer`, a student's mistake.
    """
    model = build(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    library = NumpyLibrary()
    state = library.read(path)
    if not has_params(model):
        raise OddAnswer(f"expected params, a dict of numpy arrays, in {type(model).__name__}")
    if problem := misfit(shapes(state), shapes(model.params)):
        raise OddAnswer(f"the weights in {path.name} do not fit the code: {problem}; train and save it again")
    return predict(library.fill(model, state), inputs)
