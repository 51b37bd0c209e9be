"""A run that was interrupted goes on where it was: after the last whole epoch."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ..errors import CourseError
from .batches import Batches
from .history import History
from .kept import Kept

__all__ = ["Checkpoint"]


class Checkpoint:
    """A file with all that a run needs to go on; without a path there is none.

    It is read with `weights_only=True`: tensors and plain values, no code.
    """

    def __init__(
        self, path: Path | str | None, model: nn.Module, optimizer: Optimizer, settings: dict[str, Any]
    ) -> None:
        self.path = Path(path) if path is not None else None
        self.model, self.optimizer, self.settings = model, optimizer, settings

    def load(self, kept: Kept, batches: Batches) -> History:
        """The history so far, everything else put back; a new one where there is no file."""
        if self.path is None or not self.path.is_file():
            return History()
        advice = f"delete {self.path.name} to train from the start"
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            if state["settings"] != self.settings:
                raise CourseError(f"{self.path.name} is of another run, {state['settings']}: {advice}")
            history = self._expect_fits(state, kept)
            # From here on nothing is refused: what was half put back would be neither this run nor that one.
            self.model.load_state_dict(state["model"])
            self._load_optimizer(state["optimizer"])
            kept.load(state["kept"])
            batches.generator.set_state(state["order"])
            torch.set_rng_state(state["random"])
            if state["cuda"] and torch.cuda.is_available():
                torch.cuda.set_rng_state_all(state["cuda"])
        except CourseError:
            raise
        # Whatever torch makes of a damaged file, or of the weights of a model that has changed since.
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise CourseError(f"{self.path.name} does not fit this run ({reason}): {advice}") from error
        print(f"Goes on after epoch {len(history.train_loss)}, with {self.path.name}; {advice}.")
        return history

    def _expect_fits(self, state: dict[str, Any], kept: Kept) -> History:
        """The history in the file; an error where any part of it does not fit, and nothing was changed yet."""
        own = self.model.state_dict()
        _expect_alike(state["model"], own)
        if state["kept"]["best"] is not None:
            _expect_alike(state["kept"]["best"], own)
        if (average := kept.state()["average"]) is not None:
            _expect_alike(state["kept"]["average"], average)
        float(state["kept"]["best_value"])
        sizes = [len(group["params"]) for group in state["optimizer"]["param_groups"]]
        if sizes != (wanted := [len(group["params"]) for group in self.optimizer.param_groups]):
            raise ValueError(f"the optimizer has groups of {wanted} parameters, the file has {sizes}")
        for name in ("order", "random"):
            torch.Generator().set_state(state[name])
        return History(**state["history"])

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        """Its memory; a learning rate that was changed before going on stays as it is now."""
        groups = self.optimizer.param_groups
        chosen = [{name: value for name, value in group.items() if name != "params"} for group in groups]
        self.optimizer.load_state_dict(state)
        for group, options in zip(self.optimizer.param_groups, chosen, strict=True):
            group.update(options)

    def save(self, history: History, kept: Kept, batches: Batches) -> None:
        """Nothing; the file is replaced at once or not at all."""
        if self.path is None:
            return
        state = {
            "settings": self.settings,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "kept": kept.state(),
            "order": batches.generator.get_state(),
            "random": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "history": asdict(history),
        }
        new = self.path.with_name(f".new-{self.path.name}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, new)
            new.replace(self.path)
        except OSError as error:
            raise CourseError(f"could not write the checkpoint {self.path}: {error.strerror or error}") from None

    def done(self) -> None:
        """Nothing; a run that has come to its end leaves no file: the next one starts anew."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _expect_alike(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Nothing; an error that names the tensors of other names or shapes."""
    shapes, own = ({name: getattr(value, "shape", None) for name, value in part.items()} for part in (found, wanted))
    odd = [name for name in {**own, **shapes} if name not in own or name not in shapes or own[name] != shapes[name]]
    if odd:
        raise ValueError(f"other names or shapes: {', '.join(odd)}")
