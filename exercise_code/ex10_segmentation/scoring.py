"""Given: how a handed-in model is scored, and drawn. Its score is `segmentation_accuracy` of what `predict` answers."""

import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.checks.score_table import ScoreTable
from exercise_code.common.data import SceneSet, load_dataset

__all__ = ["draw_samples", "evaluation_set", "predict", "score_tables"]

FRESH_SCENES = 50
BATCH_SIZE = 4
GAP = 6

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int8]


def evaluation_set(source: str, split: str, seed: int | None = None) -> tuple[Images, Labels]:
    """Images uint8 (N, 240, 240, 3) and labels int8 (N, 240, 240), 0 to 22 or -1 for void.

    A seed asks for 50 new embedded scenes; photographs cannot be made anew, so there it changes nothing.
    """
    if seed is not None and source == "embedded":
        from exercise_code.common.datasets.generators.landscapes.pictures import make_landscapes

        return make_landscapes(FRESH_SCENES, seed)
    with contextlib.redirect_stdout(io.StringIO()):
        scenes = load_dataset("segmentation", split=split, source=source)
    return np.asarray(scenes.images), np.asarray(scenes.labels)


def predict(code: Any, name: str, inputs: Images) -> Images:
    """The saved model's class for each pixel, uint8 (N, 240, 240), in eval mode; `code` is the student's package.

    Images are normalised by the student's own function: the model has learned from what that gives.
    """
    import torch

    from exercise_code.common.evaluation import evaluating, load_saved
    from exercise_code.common.probing.failures import OddAnswer

    model = load_saved(code.model.SegmentationModel, code.models / f"{name}.safetensors")
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    labels = np.empty(inputs.shape[:3], dtype=np.uint8)
    with evaluating(model):
        for start in range(0, len(inputs), BATCH_SIZE):
            batch = code.scenes.normalize_images(np.ascontiguousarray(inputs[start : start + BATCH_SIZE]))
            logits = model(batch.to(device))
            wanted = (len(batch), len(SceneSet.classes), *inputs.shape[1:3])
            if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != wanted:
                shape = tuple(getattr(logits, "shape", ()))
                raise OddAnswer(f"expected logits of shape {wanted} of the saved model, got {shape}")
            # The same as `argmax`, in two thirds of its time.
            labels[start : start + BATCH_SIZE] = logits.max(dim=1).indices.to(torch.uint8).cpu().numpy()
    return labels


def draw_samples(inputs: Images, targets: Labels, predictions: Images) -> list[DrawnSample]:
    """Each image beside its labels and the predicted ones, the best one first, with the share of right pixels."""
    known = targets >= 0
    shares = ((predictions == targets) & known).sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
    # Black is void, in the prediction too: what is there does not count.
    colours = np.concatenate([np.zeros((1, 3), dtype=np.uint8), SceneSet.colours])
    shown = np.where(known, np.clip(predictions.astype(np.int64), 0, len(SceneSet.classes) - 1), -1)
    gap = np.full((inputs.shape[1], GAP, 3), 255, dtype=np.uint8)
    drawn = []
    for i in np.argsort(-shares, kind="stable"):
        panels = inputs[i], gap, colours[targets[i].astype(np.int64) + 1], gap, colours[shown[i] + 1]
        words = f"{100 * shares[i]:.0f} % right: image, labels, prediction"
        drawn.append(DrawnSample(np.concatenate(panels, axis=1), words))
    return drawn


def score_tables(targets: Labels, predictions: Images, _more: None = None) -> list[ScoreTable]:
    """How well each class is found, the best one first; classes that are nowhere, nor said to be, are left out."""
    known = targets >= 0
    true, said = targets[known], predictions[known]
    kinds = true, said, true[true == said]
    # The metrics would count all pixels once more.
    counts = [np.bincount(pixels, minlength=len(SceneSet.classes)).tolist() for pixels in kinds]
    found = [
        (hit / (area + claim - hit), hit / max(area, 1), area / len(true), name)
        for area, claim, hit, name in zip(*counts, SceneSet.classes, strict=True)
        if area or claim
    ]
    found.sort(key=lambda row: (-row[0], row[-1]))
    mean, right = sum(iou for iou, *_ in found) / len(found), sum(counts[2]) / len(true)
    title = f"Class by class, on the validation scenes: mIoU {mean:.2f}, {100 * right:.0f} % of all pixels right"
    rows = [
        (name, f"{100 * part:.1f} %", f"{100 * hits:.0f} %" if part else "", f"{iou:.2f}")
        for iou, hits, part, name in found
    ]
    return [ScoreTable(title, ("class", "share of all pixels", "of these right", "IoU"), tuple(rows))]
