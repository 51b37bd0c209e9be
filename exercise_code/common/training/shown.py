"""What a person sees of a run: a bar, a live curve, TensorBoard, and why it stopped."""

from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..errors import CourseError
from .history import History

__all__ = ["Shown"]


class Shown:
    """A bar with one tick a step and, in a notebook, a live curve; nothing without `progress`."""

    def __init__(self, max_steps: int, progress: bool, log_dir: Path | str | None, done: int = 0) -> None:
        self.progress = progress
        self.bar = tqdm(total=max_steps, initial=done, disable=not progress, unit="step", leave=True)
        self.curve = _live_curve() if progress else None
        self.writer = _writer(log_dir) if log_dir is not None else None

    def step(self) -> None:
        """A tick."""
        self.bar.update()

    def end_epoch(self, history: History) -> None:
        """The numbers of an epoch."""
        epoch = len(history.train_loss)
        self.bar.set_description(f"epoch {epoch}", refresh=False)
        self.bar.set_postfix_str(history.summary())
        if self.curve is not None:
            self.curve.update(history)
        if self.writer is not None:
            for name in ("train_loss", "val_loss", "val_score"):
                if values := getattr(history, name):
                    self.writer.add_scalar(name, values[-1], epoch)

    def close(self) -> None:
        """The bar stays as it is."""
        self.bar.close()
        if self.writer is not None:
            self.writer.close()

    def end_run(self, history: History, what: str) -> None:
        """The whole curve, and a line that says why the run stopped and what the model has now."""
        if self.curve is not None:
            self.curve.update(history, final=True)
        if self.progress:
            print(f"Stopped after epoch {len(history.train_loss)}: {history.stopped}. {what}")


def _live_curve() -> Any:
    from ..plotting import LiveCurve

    return LiveCurve()


def _writer(log_dir: Path | str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise CourseError(
            "expected the package tensorboard for log_dir, found none: install it, or train without log_dir"
        ) from None
    return SummaryWriter(str(Path(log_dir)))
