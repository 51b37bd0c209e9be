"""Exercise 3 accepts right answers that are written in another way than the reference."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.sources.cells import BEGIN_SOLUTION, END_SOLUTION
from autograder.sources.exercise import known_tests
from autograder.sources.layout import ROOT
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import load_exercise
from exercise_code.common.probing.cases import load_cases, test_seed
from exercise_code.common.probing.in_process import InProcess
from exercise_code.common.probing.running import run_case

EXERCISE = load_exercise("ex03_dataloader")
COURSE = ROOT / "autograder" / "course" / EXERCISE.id

# Module, number of the solution block in it, and other code for that block.
RIGHT_ANSWERS = {
    "labels are counted for the length": ("image_folder", 0, "return len(self.labels)"),
    "getitem with a copy": (
        "image_folder",
        1,
        """
        image = self.images[index].copy() if self.images else load_image(self.paths[index])
        if self.transform:
            image = self.transform(image)
        sample = {"label": int(self.labels[index])}
        sample["image"] = image
        return sample
        """,
    ),
    "rescale in float32": (
        "image_folder",
        2,
        """
        (a, b), (c, d) = self.in_range, self.out_range
        return (d - c) * (image.astype(np.float32) - a) / (b - a) + c
        """,
    ),
    "rescale by slope and offset": (
        "image_folder",
        2,
        """
        (a, b), (c, d) = self.in_range, self.out_range
        slope = (d - c) / (b - a)
        return image * slope + (c - a * slope)
        """,
    ),
    "statistics in float32": (
        "image_folder",
        3,
        """
        images = images.astype(np.float32)
        return np.mean(images, axis=(0, 1, 2)), np.std(images, axis=(0, 1, 2))
        """,
    ),
    "statistics channel by channel": (
        "image_folder",
        3,
        """
        channels = [images[..., c] / 1.0 for c in range(images.shape[-1])]
        means = np.array([x.mean() for x in channels])
        return means, np.array([(((x - m) ** 2).mean()) ** 0.5 for x, m in zip(channels, means)])
        """,
    ),
    "statistics from the mean of squares": (
        "image_folder",
        3,
        """
        pixels = images.reshape(-1, images.shape[3]).astype(float)
        mean = pixels.mean(0)
        return mean, np.sqrt(np.maximum((pixels**2).mean(0) - mean**2, 0))
        """,
    ),
    "normalise channel by channel": (
        "image_folder",
        4,
        """
        result = image.astype(float)
        for c in range(3):
            result[..., c] = (result[..., c] - self.mean[c]) / self.std[c]
        return result
        """,
    ),
    "normalise in float32": (
        "image_folder",
        4,
        "return (image.astype(np.float32) - self.mean.astype(np.float32)) / self.std.astype(np.float32)",
    ),
    "combine with np.array": (
        "dataloader",
        0,
        """
        batch = {}
        for sample in samples:
            for key, value in sample.items():
                batch.setdefault(key, []).append(value)
        return {key: np.array(values) for key, values in batch.items()}
        """,
    ),
    "length by floor and ceil": (
        "dataloader",
        1,
        """
        batches = len(self.dataset) / self.batch_size
        return int(np.floor(batches)) if self.drop_last else int(np.ceil(batches))
        """,
    ),
    "batches collected sample by sample": (
        "dataloader",
        2,
        """
        indices = list(range(len(self.dataset)))
        if self.shuffle:
            self.rng.shuffle(indices)
        samples = []
        for index in indices:
            samples.append(self.dataset[index])
            if len(samples) == self.batch_size:
                yield combine_samples(samples)
                samples = []
        if samples and not self.drop_last:
            yield combine_samples(samples)
        """,
    ),
    "batches counted by len": (
        "dataloader",
        2,
        """
        count = len(self.dataset)
        order = self.rng.choice(count, count, replace=False) if self.shuffle else np.arange(count)
        for k in range(len(self)):
            piece = order[k * self.batch_size : (k + 1) * self.batch_size]
            yield combine_samples([self.dataset[int(index)] for index in piece])
        """,
    ),
    "a generator made inside": (
        "dataloader",
        2,
        """
        order = list(range(len(self.dataset)))
        if self.shuffle:
            order = [int(i) for i in np.argsort(self.rng.random(len(order)))]
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        pieces = (order[start : start + self.batch_size] for start in starts)
        return (combine_samples([self.dataset[i] for i in piece]) for piece in pieces)
        """,
    ),
}


def reference(key: str, name: str, writable: bool) -> Callable[..., Any]:
    """The fixture `reference` of a hidden test."""

    def answer(probe: Callable[..., Any], *inputs: Any) -> Any:
        with fresh_code(EXERCISE, solution=COURSE / "solution") as code:
            return InProcess(code, EXERCISE.folder, test_seed(name, key), writable)(probe, *inputs)

    return answer


def with_block(text: str, number: int, code: str) -> str:
    """A solution module in which one block has other code."""
    blocks = re.findall(rf"( *){BEGIN_SOLUTION}\n(.*?) *{END_SOLUTION}\n", text, flags=re.DOTALL)
    indent, old = blocks[number]
    lines = [line for line in code.splitlines() if line.strip()]
    depth = len(lines[0]) - len(lines[0].lstrip())
    new = "".join(f"{indent}{line[depth:]}\n" for line in lines)
    assert text.count(old) == 1
    return text.replace(old, new)


@pytest.mark.parametrize("title", RIGHT_ANSWERS)
def test_right_answers_earn_everything(title: str, tmp_path: Path) -> None:
    module, number, code = RIGHT_ANSWERS[title]
    for path in (COURSE / "solution").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(with_block(text, number, code) if path.stem == module else text)
    cases = load_cases(EXERCISE.visible_tests, "ex03_visible")
    cases += load_cases(COURSE / "test_hidden.py", "ex03_hidden", visible=False)
    with fresh_code(EXERCISE, solution=tmp_path) as student:
        for case in cases:
            known = reference("right", case.name, case.grade.writable)
            outcome = run_case(case, student, EXERCISE, key="right", reference=known)
            assert outcome.passed, f"{case.name}: {outcome.reason} (want {outcome.want}, got {outcome.got})"


def test_a_tasks_tests_can_be_run_alone_in_a_terminal():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "exercise_code/ex03_dataloader",
        "--collect-only",
        "-q",
        "-m",
        "dataset_len",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    assert found == [
        name for name, test in known_tests(EXERCISE.id).items() if test.visible and test.grade_id == "dataset_len"
    ]
    assert found
