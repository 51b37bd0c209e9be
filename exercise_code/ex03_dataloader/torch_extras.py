"""What notebook 3 of exercise 3 is given: a slow dataset, and a way to compare. Nothing to fill in here."""

from __future__ import annotations

import time
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import Dataset

from exercise_code.common.plotting import course_style, show_figure


class SlowImages(Dataset):
    """A dataset whose samples take `seconds` each, like files on a slow disk.

    It stands in a module, not in the notebook: where workers are started as new programs (Windows, macOS), they
    import the dataset's class by its name, and what is defined in a notebook cannot be imported.
    """

    def __init__(self, images: np.ndarray, labels: Sequence[int], seconds: float = 0.003) -> None:
        self.images = images
        self.labels = labels
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        time.sleep(self.seconds)
        return torch.tensor(self.images[index]).permute(2, 0, 1) / 255, int(self.labels[index])


def compare(what: str, got: object, want: object) -> None:
    """Print whether `got` is `want`, and both where it is not."""
    print(f"✓ {what}: {got}" if got == want else f"✗ {what}: expected {want}, got {got}")


@course_style()
def show_workers(seconds: dict[int, float]) -> None:
    """Draw how long an epoch took for each number of workers."""
    figure, axis = plt.subplots(figsize=(5, 2.4))
    bars = axis.barh([str(workers) for workers in seconds], list(seconds.values()))
    axis.bar_label(bars, fmt="%.2f s", padding=3)
    axis.margins(x=0.18)
    axis.invert_yaxis()
    axis.set_xlabel("seconds for an epoch, measured on this computer")
    axis.set_ylabel("num_workers")
    figure.tight_layout()
    times = ", ".join(f"{time:.2f} s with {workers}" for workers, time in seconds.items())
    show_figure(figure, f"The time for an epoch by the number of workers: {times}")
