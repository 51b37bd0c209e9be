"""evaluate_model against the loop over single samples."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from exercise_code.common.errors import CourseError
from exercise_code.common.evaluation import choose_batch_size, evaluate_model, evaluating, predict


def network(width=8):
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(4)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(width * 36, 30)),
    )


def faces(n=37):
    generator = torch.Generator().manual_seed(1)
    return TensorDataset(torch.rand(n, 1, 24, 24, generator=generator), torch.rand(n, 30, generator=generator) * 2 - 1)


def slides_loop(model, dataset):
    model.eval()
    criterion, loss = nn.MSELoss(), 0.0
    for image, keypoints in DataLoader(dataset, batch_size=1):
        with torch.no_grad():
            loss += criterion(keypoints.squeeze(), model(image).view(-1, 15, 2).view(-1).squeeze()).item()
    return 1.0 / (2 * (loss / len(dataset)))


@pytest.mark.parametrize("batch_size", [None, 1, 5, 1000])
def test_the_value_is_that_of_the_loop(batch_size):
    model = network()
    for _ in range(3):
        model(faces()[:16][0])
    expected = slides_loop(model, faces())
    assert evaluate_model(model, faces(), "keypoint_score", batch_size=batch_size) == pytest.approx(expected, rel=1e-6)


def test_dicts_and_pairs_give_the_same():
    class Dicts(Dataset):
        def __len__(self):
            return 37

        def __getitem__(self, index):
            image, keypoints = faces()[index]
            return {"image": image.numpy(), "keypoints": keypoints.numpy()}

    model = network()
    assert evaluate_model(model, Dicts(), "keypoint_score") == evaluate_model(model, faces(), "keypoint_score")


def test_each_layer_gets_its_mode_back_and_no_gradients_are_made():
    model = network().train()
    model[1].eval()
    seen = []
    model[0].register_forward_hook(lambda *_: seen.append((model.training, torch.is_grad_enabled())))
    evaluate_model(model, faces(), "keypoint_score")
    assert set(seen) == {(False, False)}
    assert model.training
    assert model[5].training
    assert not model[1].training


def test_modes_come_back_after_an_error():
    model = network().train()
    with pytest.raises(RuntimeError), evaluating(model):
        raise RuntimeError
    assert model.training
    assert torch.is_grad_enabled()


def test_what_a_model_remembers_can_still_be_trained_on():
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.grid = nn.Parameter(torch.ones(30)), None

        def forward(self, images):
            if self.grid is None:
                self.grid = torch.ones(30) * images.mean()
            return (self.scale * self.grid).expand(len(images), -1)

    model = Remembers()
    evaluate_model(model, faces(), "keypoint_score")
    model(faces()[:2][0]).sum().backward()
    assert model.scale.grad is not None


def test_metrics_of_labels_of_label_images_and_ones_own():
    images = torch.rand(6, 4)
    logits = nn.Linear(4, 3)
    labels = predict(logits, images).argmax(1)
    assert evaluate_model(logits, TensorDataset(images, torch.from_numpy(labels)), "accuracy") == 1.0
    pixels = nn.Conv2d(1, 3, 1)
    squares = torch.rand(6, 1, 5, 5)
    masks = torch.from_numpy(predict(pixels, squares).argmax(1))
    masks[:, 0] = -1
    assert evaluate_model(pixels, TensorDataset(squares, masks), "segmentation_accuracy") == 1.0
    assert evaluate_model(logits, TensorDataset(images, images), lambda p, t: len(p) + 0.5) == 6.5


def test_wide_layers_get_small_batches_and_deep_ones_large():
    samples = torch.rand(300, 1, 96, 96)
    wide = nn.Sequential(nn.Conv2d(1, 128, 3, padding=1), nn.Conv2d(128, 128, 3, padding=1))
    thin = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.Flatten(), nn.Linear(4 * 47 * 47, 30))

    class Functional(nn.Module):
        def forward(self, x):
            return nn.functional.conv2d(x, torch.zeros(128, 1, 3, 3), padding=1).relu().mean(dim=(2, 3))

    assert choose_batch_size(wide, samples) == 1
    assert 16 <= choose_batch_size(thin, samples) <= 256
    assert choose_batch_size(thin, samples[:3]) == 3
    assert choose_batch_size(Functional(), samples) <= 2
    assert len({choose_batch_size(thin, samples) for _ in range(3)}) == 1


def test_what_cannot_be_scored_says_so():
    with pytest.raises(CourseError, match="at least one sample"):
        evaluate_model(network(), TensorDataset(torch.zeros(0, 1, 24, 24), torch.zeros(0, 30)), "keypoint_score")
    with pytest.raises(CourseError, match="finite"):
        evaluate_model(nn.Sequential(nn.Flatten(), nn.Linear(576, 30)), TensorDataset(*nan_faces()), "keypoint_score")
    with pytest.raises(CourseError, match="the first axis is the batch"):
        predict(nn.Flatten(0), torch.rand(4, 3))
    with pytest.raises(CourseError, match="return a tensor, got tuple"):
        predict(nn.LSTM(3, 3), torch.rand(4, 2, 3))
    with pytest.raises(CourseError, match="two entries"):
        evaluate_model(network(), [torch.rand(1, 24, 24)], "keypoint_score")
    with pytest.raises(CourseError, match="len"):
        evaluate_model(network(), iter([]), "keypoint_score")
    with pytest.raises(CourseError, match="it is on cpu"):
        evaluate_model(network(), faces(), "keypoint_score", device="cuda")
    with pytest.raises(CourseError, match="did you mean 'accuracy'"):
        evaluate_model(network(), faces(), "acuracy")


def nan_faces():
    images, keypoints = faces().tensors
    return images * np.nan, keypoints
