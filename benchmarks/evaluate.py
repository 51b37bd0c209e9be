"""How `evaluate_model` compares with the loop over single samples and with bare forward passes.

    python benchmarks/evaluate.py

For three models of different shape it prints the times of the loop with batch size 1, of bare forward passes
at the best batch size, and of `evaluate_model`, and how far its value is from the loop's. It exits with 1 when
a value differs by more than 1e-6 (relative), when `evaluate_model` takes more than 1.2 times the bare passes,
or when it is slower than the loop.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import mobilenet_v2

from exercise_code.common.evaluation import choose_batch_size, evaluate_model

MAX_RELATIVE_DIFFERENCE = 1e-6
MAX_TIMES_BARE = 1.2
CANDIDATES = (1, 2, 4, 8, 16, 32, 64)
PASS_SECONDS = 2.2


def small_cnn() -> nn.Module:
    """Three convolutions of 16 to 64 channels, what a student hands in first."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 12 * 12, 30))


def wide_cnn() -> nn.Module:
    """Convolutions of 64 to 256 channels, two of them at full resolution."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(128, 256, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256 * 12 * 12, 30)),
    )


def deep_cnn() -> nn.Module:
    """MobileNetV2 for grey pictures: 52 thin convolutions with batch normalisation."""
    model = mobilenet_v2(num_classes=30)
    model.features[0][0] = nn.Conv2d(1, 32, 3, stride=2, padding=1, bias=False)
    return model


def evaluate_one_by_one(model: nn.Module, dataset: TensorDataset) -> float:
    """The slides' score: batch size 1, the loss of each sample, their mean."""
    model.eval()
    criterion = nn.MSELoss()
    loss = 0.0
    with torch.no_grad():
        for image, keypoints in DataLoader(dataset, batch_size=1):
            predicted = model(image).view(-1, 15, 2)
            loss += criterion(keypoints.view(-1, 15, 2).squeeze(), predicted.squeeze()).item()
    return 1.0 / (2 * (loss / len(dataset)))


def forward_only(model: nn.Module, images: Tensor, batch_size: int) -> None:
    """Nothing; the bare forward passes over all images."""
    with torch.inference_mode():
        for batch in images.split(batch_size):
            model(batch)


@dataclass(frozen=True)
class Row:
    """What was measured for one model, times in seconds."""

    model: str
    samples: int
    loop: float
    bare: float
    best_size: int
    ours: float
    our_size: int
    difference: float

    @property
    def held(self) -> bool:
        """True when all three bars are held."""
        fast = self.ours <= MAX_TIMES_BARE * self.bare and self.ours <= self.loop
        return fast and self.difference <= MAX_RELATIVE_DIFFERENCE

    def __str__(self) -> str:
        return (
            f"{self.model:10} {self.samples:7} {self.loop:7.2f} {self.bare:7.2f} ({self.best_size:3}) "
            f"{self.ours:7.2f} ({self.our_size:3}) {self.ours / self.bare:9.2f} {self.loop / self.ours:9.2f} "
            f"{self.difference:11.1e}  {'held' if self.held else 'MISSED'}"
        )


def measure(name: str, build: Callable[[], nn.Module], rounds: int) -> Row:
    """The measurements of one model; of several rounds in turns the fastest counts, for all alike."""
    torch.manual_seed(0)
    model = build().eval()
    pilot = torch.rand(64, 1, 96, 96)
    trial = {size: min(timed(lambda s=size: forward_only(model, pilot, s)) for _ in range(2)) for size in CANDIDATES}
    finalists = sorted(trial, key=lambda size: trial[size])[:2]
    n = int(PASS_SECONDS / trial[finalists[0]] * len(pilot)) // 8 * 8
    images = torch.rand(n, 1, 96, 96)
    dataset = TensorDataset(images, torch.rand(n, 30) * 2 - 1)
    ours, loop = evaluate_model(model, dataset, "keypoint_score"), 0.0
    times: dict[str | int, list[float]] = {}
    for _ in range(rounds):
        for size in finalists:
            times.setdefault(size, []).append(timed(lambda s=size: forward_only(model, images, s)))
        times.setdefault("ours", []).append(timed(lambda: evaluate_model(model, dataset, "keypoint_score")))
        start = time.perf_counter()
        loop = evaluate_one_by_one(model, dataset)
        times.setdefault("loop", []).append(time.perf_counter() - start)
    best = min(finalists, key=lambda size: min(times[size]))
    return Row(
        model=name,
        samples=n,
        loop=min(times["loop"]),
        bare=min(times[best]),
        best_size=best,
        ours=min(times["ours"]),
        our_size=choose_batch_size(model, images),
        difference=abs(ours - loop) / loop,
    )


def timed(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> int:
    """0 when every bar is held, else 1."""
    parser = argparse.ArgumentParser(description="evaluate_model against the loop over single samples")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, CPU, {arguments.threads} threads; seconds, (batch size)")
    print("model      samples    loop    bare        evaluate_model times bare  vs. loop  difference")
    rows = []
    for name, build in (("small CNN", small_cnn), ("wide CNN", wide_cnn), ("MobileNet", deep_cnn)):
        rows.append(measure(name, build, arguments.rounds))
        print(rows[-1], flush=True)
    return 0 if all(row.held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
