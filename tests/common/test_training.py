"""The one training loop, seeds and devices."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code.common import plotting
from exercise_code.common.devices import full_float32, get_device
from exercise_code.common.errors import CourseError
from exercise_code.common.evaluation import evaluate_model
from exercise_code.common.seeding import seed_everything
from exercise_code.common.training import History, cosine, train


@pytest.fixture(autouse=True)
def no_cap(monkeypatch):
    monkeypatch.delenv("COURSE_MAX_STEPS", raising=False)


def line_data(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(n, 3, generator=generator)
    return TensorDataset(inputs, inputs @ torch.tensor([[1.0], [-2.0], [0.5]]))


def line_model(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


def gradient_step(model, inputs, targets, optimizer):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def run(model, data=None, lr=0.1, **options):
    settings = {"step": gradient_step, "num_epochs": 3, "batch_size": 8, "progress": False} | options
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return train(model, line_data() if data is None else data, loss=nn.MSELoss(), optimizer=optimizer, **settings)


def test_training_lowers_the_loss_and_counts_what_it_does():
    model = line_model()
    history = run(model, num_epochs=20, val_data=line_data(seed=1), metric="mse")
    assert history.val_loss[-1] < 0.1 * history.val_loss[0]
    assert len(history.train_loss) == len(history.val_loss) == len(history.val_score) == 20
    assert history.num_steps == 20 * 5
    assert history.stopped == "all epochs done"
    assert history.val_score == pytest.approx(history.val_loss)


def test_one_seed_gives_one_run():
    states = []
    for seed in (5, 5, 6):
        model = line_model()
        run(model, seed=seed)
        states.append(model.weight.detach().clone())
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_every_sample_is_seen_once_an_epoch():
    seen = []

    def step(model, inputs, targets, optimizer):
        seen.extend(inputs[:, 0].tolist())
        return 0.5

    data = line_data(n=13)
    history = run(line_model(), data, step=step, num_epochs=2)
    assert len(seen) == 26
    assert sorted(seen[:13]) == sorted(seen[13:]) == sorted(data.tensors[0][:, 0].tolist())
    assert seen[:13] != seen[13:]
    assert history.train_loss == [0.5, 0.5]


def test_the_best_parameters_are_a_copy_and_come_back():
    """The run gets worse on purpose after its second epoch."""
    model, seen = line_model(), []

    def step(model, inputs, targets, optimizer):
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[1.0, -2.0, 0.5]]) * [0.5, 0.9, 0.1, 0.0][len(seen)])
            model.bias.zero_()
        seen.append(model.weight.clone())
        return 1.0

    val = line_data(seed=1)
    history = run(model, line_data(), step=step, batch_size=40, num_epochs=4, val_data=val)
    assert history.best_epoch == 2
    assert torch.equal(model.weight, seen[1])
    assert evaluate_model(model, val, "mse") == pytest.approx(history.val_loss[1])


def test_a_metric_that_falls_is_best_at_its_lowest():
    history = run(line_model(), num_epochs=6, val_data=line_data(seed=1), metric="mse")
    assert history.best_epoch == int(np.argmin(history.val_score)) + 1
    assert history.best_score == min(history.val_score)


def test_patience_ends_a_run_that_no_longer_improves():
    history = run(line_model(), lr=0.0, num_epochs=50, val_data=line_data(seed=1), patience=3)
    assert len(history.train_loss) == 4
    assert history.stopped == "no improvement for 3 epochs"


def test_time_ends_a_run():
    history = run(line_model(), num_epochs=10**6, max_seconds=0.05)
    assert history.stopped == "0.05 s are over"
    assert 0 < len(history.train_loss) < 10**6


def test_the_environment_caps_the_steps(monkeypatch):
    monkeypatch.setenv("COURSE_MAX_STEPS", "2")
    history = run(line_model(), num_epochs=9, val_data=line_data(seed=1))
    assert history.num_steps == 2
    assert len(history.val_loss) == 1
    assert history.stopped == "2 steps done"
    monkeypatch.setenv("COURSE_MAX_STEPS", "no")
    with pytest.raises(CourseError, match="COURSE_MAX_STEPS"):
        run(line_model())


def test_an_interrupted_run_keeps_its_best():
    def step(model, inputs, targets, optimizer):
        if len(calls) == 7:
            raise KeyboardInterrupt
        calls.append(1)
        return 1.0

    calls = []
    history = run(line_model(), step=step, num_epochs=5, val_data=line_data(seed=1))
    assert history.stopped == "interrupted"
    assert len(history.val_loss) == 1
    assert history.best_epoch == 1


def test_the_schedule_moves_the_learning_rate_and_gives_it_back():
    rates = []

    def step(model, inputs, targets, optimizer):
        rates.append(optimizer.param_groups[0]["lr"])
        return 1.0

    model = line_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    options = {"batch_size": 8, "num_epochs": 2, "progress": False, "schedule": lambda done: 1 - done}
    train(model, line_data(), loss=nn.MSELoss(), optimizer=optimizer, step=step, **options)
    assert rates == pytest.approx([0.2 * (1 - k / 10) for k in range(10)])
    assert optimizer.param_groups[0]["lr"] == 0.2


def test_cosine_rises_and_falls():
    values = [cosine(x) for x in np.linspace(0, 1, 101)]
    assert 0 < values[0] < 0.2
    assert max(values) == pytest.approx(1.0)
    assert values[-1] == pytest.approx(0.0)
    assert values[5:] == sorted(values[5:], reverse=True)


def test_augmentation_sees_training_batches_only():
    sizes = []

    def augment(inputs, targets, generator):
        sizes.append(len(inputs))
        return inputs + 100, targets

    with torch.no_grad():
        model = line_model()
        model.weight.fill_(0.0)
    history = run(model, lr=0.0, num_epochs=1, val_data=line_data(seed=1), augment=augment)
    assert sizes == [8] * 5
    assert history.val_loss[0] == pytest.approx(evaluate_model(model, line_data(seed=1), "mse"))


def test_datasets_of_dicts_train_too():
    class Faces(torch.utils.data.Dataset):
        def __init__(self, data):
            self.data = data

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            x, y = self.data[index]
            return {"image": x, "keypoints": y}

    plain, dicts = line_model(), line_model()
    one = run(plain, num_epochs=8, val_data=line_data(seed=1))
    other = run(dicts, Faces(line_data()), num_epochs=8, val_data=Faces(line_data(seed=1)))
    assert other.val_loss[-1] == pytest.approx(one.val_loss[-1], rel=0.5)
    assert other.val_loss[-1] < other.val_loss[0]


def test_what_cannot_train_says_so():
    with pytest.raises(CourseError, match="val_data"):
        run(line_model(), metric="mse")
    with pytest.raises(CourseError, match="num_epochs"):
        run(line_model(), num_epochs=0)
    with pytest.raises(CourseError, match="empty"):
        run(line_model(), TensorDataset(torch.zeros(0, 3), torch.zeros(0, 1)))
    with pytest.raises(CourseError, match="smaller learning rate"):
        run(line_model(), step=lambda *_: math.nan)
    with pytest.raises(CourseError, match="the loss as a number, got None"):
        run(line_model(), step=lambda *_: None)


def test_seeding_covers_python_numpy_and_torch():
    import random

    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert seed_everything(7) == 7
    code = (
        "import sys; from exercise_code import seed_everything; seed_everything(7); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    first = draw()
    seed_everything(7)
    assert draw() == first
    seed_everything(8)
    assert all(a != b for a, b in zip(draw(), first, strict=True))
    for seed in (-1, 2**32, 1.5, True, "1"):
        with pytest.raises(CourseError, match="expected a seed"):
            seed_everything(seed)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert get_device("auto") == get_device("cpu") == torch.device("cpu")
    with pytest.raises(CourseError, match="found none"):
        get_device("cuda")
    with pytest.raises(CourseError, match="found none"):
        get_device("mps")
    with pytest.raises(CourseError, match="auto, cpu, cuda, mps"):
        get_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert get_device("auto") == torch.device("cuda")
    assert get_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(CourseError, match="below 2"):
        get_device("cuda:2")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scores_agree_between_cpu_and_gpu():
    full_float32()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 47 * 47, 30))
    data = TensorDataset(torch.rand(64, 1, 96, 96), torch.rand(64, 30))
    on_cpu = evaluate_model(model, data, "keypoint_score")
    assert evaluate_model(model.cuda(), data, "keypoint_score") == pytest.approx(on_cpu, rel=1e-3)


@pytest.fixture
def agg():
    import matplotlib

    before = matplotlib.get_backend()
    matplotlib.use("agg")
    yield matplotlib.pyplot
    matplotlib.pyplot.close("all")
    matplotlib.use(before)


def test_pictures_show_keypoints_where_they_are(agg, monkeypatch):
    monkeypatch.setattr(plotting.plt, "show", lambda: None)
    images = np.zeros((2, 1, 96, 96), dtype=np.uint8)
    truth = np.zeros((2, 30))
    truth[:, 0], truth[:, 1] = -0.5, 0.5
    plotting.show_keypoints(images, truth, truth + 0.1)
    axes = agg.gcf().axes
    assert len(axes) == 2
    assert axes[0].collections[0].get_offsets()[0].tolist() == [24, 72]
    assert axes[0].collections[1].get_offsets()[0].tolist() == pytest.approx([28.8, 76.8])
    plotting.show_keypoints(images, 48 * truth + 48, in_pixels=True)
    assert agg.gcf().axes[0].collections[0].get_offsets()[0].tolist() == [24, 72]
    with pytest.raises(CourseError, match="shape"):
        plotting.show_keypoints(images, truth[:1])
    with pytest.raises(CourseError, match="images of shape"):
        plotting.show_images(np.zeros(3))


def test_curves_hold_what_the_history_holds(agg, monkeypatch):
    monkeypatch.setattr(plotting.plt, "show", lambda: None)
    plotting.plot_curves(History([3.0, 2.0, 1.0], [3.0, 2.5, 2.0], [10.0, 30.0, 20.0], best_epoch=2))
    loss, score = agg.gcf().axes
    assert loss.lines[1].get_ydata().tolist() == [3.0, 2.5, 2.0]
    assert score.lines[1].get_xydata().tolist() == [[2.0, 30.0]]


def test_a_reference_is_trained_by_its_recipe(tmp_path, monkeypatch):
    from autograder.authoring.train import train_reference

    monkeypatch.setenv("COURSE_MAX_STEPS", "2")
    facts = train_reference("ex09_keypoints", "embedded", "cpu", out=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keypoints.json", "keypoints.safetensors"]
    assert facts["stopped"] == "2 steps done"
    assert facts["passed"] is False
    assert 0 < facts["val_score"] < facts["passing"]
    assert 2_000 < (tmp_path / "keypoints.safetensors").stat().st_size < 2_000_000


def test_a_reference_that_does_not_pass_replaces_none(monkeypatch):
    from autograder.authoring.train import train_reference
    from autograder.base.errors import AutograderError
    from autograder.sources.exercise import sources

    path = sources("ex09_keypoints").solution / "models" / "keypoints.safetensors"
    before = path.stat().st_mtime_ns
    monkeypatch.setenv("COURSE_MAX_STEPS", "1")
    with pytest.raises(AutograderError, match="nothing was saved"):
        train_reference("ex09_keypoints", "embedded", "cpu")
    assert path.stat().st_mtime_ns == before
    with pytest.raises(AutograderError, match="embedded, real"):
        train_reference("ex09_keypoints", "drawn")
    with pytest.raises(AutograderError, match="hands in a model"):
        train_reference("ex03_dataloader")
