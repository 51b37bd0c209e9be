"""What helps where a hundred digits have a label: each way to train, over several draws, on 10,000 other digits.

    python benchmarks/few_labels.py [--data embedded] [--draws 0 1 2] [--ways scratch augmented]

A draw has another hundred labels, and other weights to start from; embedded digits are other ones altogether. Scores
go into `exercise_code/ex08_autoencoder/few_labels.json`, which exercise 8's notebook shows, as each run ends; those of
other data and ways stay there. `reference` is the recipe of `autograder train ex08_autoencoder`.
"""

import argparse
import copy
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import Tensor
from torch.utils.data import TensorDataset

from autograder.authoring.recipe import load_recipe
from autograder.sources.exercise import sources
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.data import dataset_info
from exercise_code.common.datasets.download import local_file
from exercise_code.common.datasets.mnist import redraw
from exercise_code.common.evaluation import predict
from exercise_code.common.exercise import load_exercise
from exercise_code.common.seeding import seed_everything
from exercise_code.common.training import cosine, train

EXERCISE = "ex08_autoencoder"
TABLE = Path(__file__).resolve().parents[1] / "exercise_code" / EXERCISE / "few_labels.json"
NUM_EMBEDDED, NUM_TEST = 3000, 10_000
EMBEDDED_SEED, TEST_SEED = 1000, 999


def draw_digits(source: str, draw: int) -> tuple[Tensor, Tensor]:
    """Pictures float32 (N, 1, 28, 28) and their labels, -1 but for a hundred."""
    if source == "embedded":
        from exercise_code.common.datasets.generators.handwriting.digits import make_digits

        images, labels = make_digits(NUM_EMBEDDED, EMBEDDED_SEED + draw)
        labels[100:] = -1
    else:
        files = [local_file(variant) for variant in dataset_info("mnist").loadable if "train" in variant.splits]
        path = next(path for path in files if path is not None)
        arrays = redraw(path, 8 + draw)
        images, labels = arrays["images"], arrays["labels"]
    return as_pictures(images), torch.from_numpy(np.array(labels))


def test_digits(source: str) -> tuple[Tensor, np.ndarray[Any, Any]]:
    """10,000 pictures that take no part in any training, and their labels."""
    if source == "embedded":
        from exercise_code.common.datasets.generators.handwriting.digits import make_digits

        images, labels = make_digits(NUM_TEST, TEST_SEED)
        return as_pictures(images), labels
    from exercise_code.common.data import load_dataset

    digits = load_dataset("mnist", split="test", source=source)
    return as_pictures(digits.images), np.array(digits.labels)


def as_pictures(images: np.ndarray[Any, Any]) -> Tensor:
    """The same as float32 (N, 1, H, W) from 0 to 1."""
    return torch.from_numpy(images[:, None].astype(np.float32) / np.float32(255))


class Ways:
    """The ways to train on one draw. What several of them need, the autoencoder, is trained once."""

    def __init__(self, code: Any, source: str, images: Tensor, labels: Tensor, draw: int) -> None:
        from exercise_code.ex07_pytorch.training import train_step

        self.code, self.source, self.images, self.labels, self.draw = code, source, images, labels, draw
        self.step = train_step
        self.known = labels >= 0
        self.recipe: Any = load_recipe(sources(load_exercise(EXERCISE)))
        self.hparams = {**code.model.HPARAMS, **self.recipe.HPARAMS[source]}
        # Real digits vary more: twice the steps.
        self.times = 1 if source == "embedded" else 2
        self._autoencoder: Any = None

    def scratch(self) -> Any:
        """A hundred labels and nothing else."""
        return self._train(self.code.model.Classifier(self.hparams), 300, augment=None)

    def frozen(self) -> Any:
        """A head on the autoencoder's encoder, which does not learn any more."""
        model = self.code.model.Classifier(self.hparams, self.autoencoder.encoder)
        self.code.transfer.freeze(model.encoder)
        return self._train(model, 300, augment=None)

    def pretrained(self) -> Any:
        """The autoencoder's encoder learns on."""
        return self._train(self.code.model.Classifier(self.hparams, self.autoencoder.encoder), 300, augment=None)

    def augmented(self) -> Any:
        """From scratch, each picture changed anew every time."""
        return self._train(self.code.model.Classifier(self.hparams), 600, augment=self._augment)

    def both(self) -> Any:
        """The autoencoder's encoder learns on, from changed pictures."""
        model = self.code.model.Classifier(self.hparams, self.autoencoder.encoder)
        return self._train(model, 600, augment=self._augment)

    def consistent(self) -> Any:
        """Changed pictures, and for those without a label what the model says of them when they are hardly changed."""
        return self._train(self.code.model.Classifier(self.hparams), 600, self._two_views, self._consistent_loss)

    def reference(self) -> Any:
        """Changed pictures, then pseudo-labels in rounds."""
        device, most = torch.device("cpu"), self.recipe.MAX_SECONDS * 10
        return self.recipe.fit_digits(self.code, self.source, self.images, self.labels, device, self.draw, most)[0]

    @property
    def autoencoder(self) -> Any:
        """Trained on all pictures."""
        if self._autoencoder is None:
            model, loss = self.code.model.Autoencoder(self.hparams), self.code.model.reconstruction_loss
            self._fit(model, TensorDataset(self.images, self.images), 500 * self.times, None, loss)
            self._autoencoder = model
        return copy.deepcopy(self._autoencoder)

    def _train(self, model: Any, steps: int, augment: Any, loss: Any = None) -> Any:
        samples = TensorDataset(self.images[self.known], self.labels[self.known])
        return self._fit(model, samples, steps * self.times, augment, loss or self.code.labels.labelled_loss)

    def _fit(self, model: Any, samples: TensorDataset, steps: int, augment: Any, loss: Any) -> Any:
        # The same steps as in the notebook: batches of 50, AdamW, a cosine.
        train(
            model,
            samples,
            loss=loss,
            step=partial(self.step, loss=loss),
            optimizer=torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3),
            num_epochs=max(1, round(steps * 50 / len(samples))),
            batch_size=50,
            schedule=cosine,
            augment=augment,
            keep="last",
            seed=self.draw,
            progress=False,
        )
        return model

    def _augment(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self.code.augmentation.augment_digits(images, generator), labels

    def _two_views(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        change = self.code.augmentation.augment_digits
        rest = torch.nonzero(~self.known)[:, 0]
        chosen = self.images[rest[torch.randint(len(rest), (100,), generator=generator)]]
        views = [change(images, generator), change(chosen, generator, 5, 0.05, 0.05, 0.05)]
        views.append(change(chosen, generator, 25, 0.2, 0.3, 0.2))
        return torch.cat(views), torch.cat([labels, torch.full((200,), -1)])

    def _consistent_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        weak, strong = logits[labels < 0].chunk(2)
        losses = self.code.labels
        total: Tensor = losses.labelled_loss(logits, labels) + losses.consistency_loss(weak, strong, 0.9)
        return total


WAYS: dict[str, Callable[[Ways], Any]] = {
    name: getattr(Ways, name)
    for name in ("scratch", "frozen", "pretrained", "augmented", "both", "consistent", "reference")
}


def interval(scores: list[float]) -> tuple[float, float]:
    """The mean, and how far the 95 % interval of the mean reaches to each side."""
    n = len(scores)
    if n < 2:
        return float(np.mean(scores)), math.nan
    return float(np.mean(scores)), float(student_t.ppf(0.975, n - 1)) * float(np.std(scores, ddof=1)) / math.sqrt(n)


def note(path: Path, source: str, way: str, draw: int, score: float) -> list[float]:
    """All scores of a way, after this one was written into the table."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    scores = table.setdefault(source, {}).setdefault(way, {})
    scores[str(draw)] = score
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return list(scores.values())


def main() -> int:
    """0; the scores are in the table."""
    parser = argparse.ArgumentParser(description="what helps where a hundred digits have a label")
    parser.add_argument("--data", choices=("embedded", "real"), default="embedded")
    parser.add_argument("--draws", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--table", type=Path, default=TABLE)
    arguments = parser.parse_args()
    spec = load_exercise(EXERCISE)
    src = sources(spec)
    test_images, test_labels = test_digits(arguments.data)
    with (
        tempfile.TemporaryDirectory() as models,
        fresh_code(spec, Path(models), src.solution, src.earlier_solutions) as code,
    ):
        for draw in arguments.draws:
            images, labels = draw_digits(arguments.data, draw)
            ways = Ways(code, arguments.data, images, labels, draw)
            for name in arguments.ways:
                seed_everything(draw)
                start, begun = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
                model = WAYS[name](ways)
                seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_utime - begun
                score = round(float((predict(model, test_images).argmax(axis=1) == test_labels).mean()), 4)
                mean, reach = interval(note(arguments.table, arguments.data, name, draw, score))
                print(
                    f"{arguments.data} draw {draw} {name:10} {score:.4f} in {seconds:.0f} s ({used:.0f} s of CPU); "
                    f"mean so far {mean:.4f} ± {reach:.4f}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
