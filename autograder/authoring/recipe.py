"""What `reference.py` of an exercise has that hands in a model: how its reference is trained."""

import importlib.util
from typing import Any, Protocol

from ..base.errors import AutograderError
from ..sources.exercise import Sources

__all__ = ["Recipe", "load_recipe"]


class Recipe(Protocol):
    """A module in the exercise's private folder.

    `NAME` is the model's name in `exercise.toml`.
    """

    NAME: str

    def fit(self, code: Any, source: str, device: Any, seed: int, max_seconds: float | None) -> tuple[Any, Any]:
        """The trained model, of torch or of numpy, and its history: `train_loss`, `best_epoch` and `stopped`.

        The model's `hparams`, a dict of plain values, are saved beside its weights. `code` is the solved package,
        `device` a `torch.device`.
        """


def load_recipe(src: Sources) -> Recipe:
    """The exercise's `reference.py`; an `AutograderError` says what it lacks."""
    path = src.course / "reference.py"
    if not path.is_file():
        raise AutograderError(f"expected a training recipe at {path}, found none: write it")
    spec = importlib.util.spec_from_file_location(f"autograder_reference_{src.id}", path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if missing := [part for part in ("NAME", "fit") if not hasattr(module, part)]:
        raise AutograderError(f"expected {' and '.join(missing)} in {path}, found none: write it")
    return module  # type: ignore[no-any-return]
