"""Training that is interrupted and goes on, from loaders, with averaged weights."""

import copy
import sys

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from exercise_code.common.errors import CourseError
from exercise_code.common.training import train


@pytest.fixture(autouse=True)
def no_cap(monkeypatch):
    monkeypatch.delenv("COURSE_MAX_STEPS", raising=False)


def made(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(n, 3, generator=generator)
    return TensorDataset(inputs, inputs @ torch.tensor([[1.0], [-2.0], [0.5]]))


class Net(nn.Module):
    """With all that has a memory of its own: dropout, running statistics."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)


def gradient_step(model, inputs, targets, optimizer):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


class Interrupted:
    """A step during which somebody interrupts the kernel, once."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __call__(self, *args):
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt
        return gradient_step(*args)


def jitter(inputs, targets, generator):
    return inputs + 0.01 * torch.randn(inputs.shape, generator=generator), targets


def run(folder, step=gradient_step, train_data=None, val_data=None, lr=0.05, **options):
    torch.manual_seed(1)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    settings = {"num_epochs": 6, "batch_size": 8, "metric": "mse", "progress": False, "augment": jitter} | options
    data = train_data or made(), val_data or made(seed=1)
    checkpoint = folder / "run.ckpt" if folder is not None else None
    history = train(model, *data, loss=nn.MSELoss(), optimizer=optimizer, step=step, checkpoint=checkpoint, **settings)
    return history, copy.deepcopy(model.state_dict())


@pytest.mark.parametrize("keep", ["best", "last", "average"])
@pytest.mark.parametrize("at", [3, 13, 26])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, capsys, keep, at):
    whole, wanted = run(None, keep=keep, schedule=lambda done: 1 - done)
    cut, _ = run(tmp_path, Interrupted(at), keep=keep, schedule=lambda done: 1 - done)
    assert cut.stopped == "interrupted"
    assert len(cut.val_loss) == at // 5
    again, got = run(tmp_path, keep=keep, schedule=lambda done: 1 - done)
    assert again.stopped == "all epochs done"
    assert (f"Goes on after epoch {at // 5}" in capsys.readouterr().out) == (at >= 5)
    for name in ("train_loss", "val_loss", "val_score", "best_epoch", "num_steps"):
        assert getattr(again, name) == getattr(whole, name), name
    assert all(torch.equal(got[name], wanted[name]) for name in wanted)
    # A run that has come to its end leaves nothing from which the next one would go on.
    assert list(tmp_path.iterdir()) == []


def test_a_learning_rate_that_is_changed_before_going_on_counts(tmp_path):
    run(tmp_path, Interrupted(13))
    rates = set()

    def step(model, inputs, targets, optimizer):
        rates.add(optimizer.param_groups[0]["lr"])
        return gradient_step(model, inputs, targets, optimizer)

    run(tmp_path, step, lr=0.001)
    assert rates == {0.001}


def test_the_file_of_another_run_is_refused_and_stays(tmp_path):
    run(tmp_path, Interrupted(13))
    before = (tmp_path / "run.ckpt").read_bytes()
    with pytest.raises(CourseError, match=r"run\.ckpt is of another run, .*'num_epochs': 6.*delete run\.ckpt to train"):
        run(tmp_path, num_epochs=7)
    assert (tmp_path / "run.ckpt").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half"])
def test_a_damaged_file_is_one_clear_error(tmp_path, content):
    (tmp_path / "run.ckpt").write_bytes(content)
    with pytest.raises(CourseError, match=r"run\.ckpt does not fit this run .*delete run\.ckpt to train"):
        run(tmp_path)


def _another_head(state):
    state["model"]["layers.3.weight"] = torch.zeros(2, 8)


def _another_best(state):
    del state["kept"]["best"]["layers.0.bias"]


def _another_average(state):
    state["kept"]["average"]["module.layers.3.bias"] = torch.zeros(2)


def _fewer_parameters(state):
    state["optimizer"]["param_groups"][0]["params"].pop()


def _no_order(state):
    state["order"] = torch.zeros(3, dtype=torch.uint8)


def _no_history(state):
    state["history"] = {"epochs": 3}


PARTS = [_another_head, _another_best, _another_average, _fewer_parameters, _no_order, _no_history]


@pytest.mark.parametrize("spoil", PARTS)
def test_a_file_that_fits_in_part_changes_nothing(tmp_path, spoil):
    keep = "average" if spoil is _another_average else "best"
    run(tmp_path, Interrupted(13), keep=keep)
    state = torch.load(tmp_path / "run.ckpt", weights_only=True)
    spoil(state)
    torch.save(state, tmp_path / "run.ckpt")
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    options = {"loss": nn.MSELoss(), "optimizer": optimizer, "step": gradient_step, "progress": False, "metric": "mse"}
    options |= {"num_epochs": 6, "batch_size": 8, "keep": keep}
    with pytest.raises(CourseError, match=r"run\.ckpt does not fit this run .*delete run\.ckpt to train"):
        train(model, made(), made(seed=1), checkpoint=tmp_path / "run.ckpt", **options)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not optimizer.state
    assert torch.equal(torch.get_rng_state(), random)


def test_the_average_is_kept_and_measured():
    weights = []

    def step(model, inputs, targets, optimizer):
        with torch.no_grad():
            model.weight.fill_(float(len(weights)))
        weights.append(float(len(weights)))
        return 1.0

    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    options = {"loss": nn.MSELoss(), "optimizer": optimizer, "step": step, "progress": False, "batch_size": 8}
    history = train(model, made(), made(seed=1), num_epochs=2, keep="average", **options)
    # 10 steps: the plain mean of 0, 1, ..., 9.
    assert model.weight[0, 0].item() == pytest.approx(4.5)
    predictions = model(made(seed=1).tensors[0]).detach()
    assert history.val_loss[-1] == pytest.approx(float(nn.MSELoss()(predictions, made(seed=1).tensors[1])))
    train(model, made(), made(seed=1), num_epochs=1, keep="last", **options)
    assert model.weight[0, 0].item() == weights[-1]
    with pytest.raises(CourseError, match="expected keep to be one of best, last, average, got 'first'"):
        train(model, made(), keep="first", **options)


class TwoInputs(nn.Module):
    """Takes sequences of several lengths, and how long each is."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, inputs):
        padded, lengths = inputs
        inside = torch.arange(padded.shape[1]) < lengths[:, None]
        return self.linear((padded * inside).sum(dim=1, keepdim=True))


def padded_batch(samples):
    sequences, targets = zip(*samples, strict=True)
    lengths = torch.tensor([len(each) for each in sequences])
    return (nn.utils.rnn.pad_sequence(sequences, batch_first=True), lengths), torch.stack(targets)


def test_loaders_give_batches_of_any_form():
    generator = torch.Generator().manual_seed(0)
    sequences = [torch.rand(n % 7 + 1, generator=generator) for n in range(30)]
    samples = [(each, 2 * each.sum()[None]) for each in sequences]
    loader = DataLoader(samples, batch_size=8, shuffle=True, generator=generator, collate_fn=padded_batch)
    held_out = DataLoader(samples[:10], batch_size=4, collate_fn=padded_batch)
    torch.manual_seed(0)
    model = TwoInputs()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    options = {"loss": nn.MSELoss(), "optimizer": optimizer, "step": gradient_step, "progress": False}
    history = train(model, loader, held_out, num_epochs=30, metric="mse", **options)
    assert history.num_steps == 30 * 4
    assert history.val_score[-1] < 0.05 * history.val_score[0]
    # Batches of 4, 4 and 2 count by their sizes: loss and metric agree.
    assert history.val_loss == pytest.approx(history.val_score)
    assert model.training


@pytest.mark.parametrize("batch", [3, (1, 2, 3)])
def test_batches_of_another_form_are_named(batch):
    class Loader:
        def __iter__(self):
            yield batch

        def __len__(self):
            return 1

    with pytest.raises(CourseError, match="expected batches of two parts, inputs and targets, got "):
        run(None, train_data=Loader())


def test_a_run_says_why_it_stopped(capsys):
    run(None, num_epochs=50, patience=2, progress=True)
    said = capsys.readouterr().out
    assert "no improvement for 2 epochs. The model has the parameters of epoch " in said


def test_tensorboard_gets_a_line_for_each_number(tmp_path):
    pytest.importorskip("tensorboard", reason="an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history, _ = run(None, log_dir=tmp_path)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["train_loss", "val_loss", "val_score"]
    points = events.Scalars("val_loss")
    assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
    assert [point.value for point in points] == pytest.approx(history.val_loss)


def test_without_tensorboard_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(CourseError, match="expected the package tensorboard for log_dir, found none: install it"):
        run(None, log_dir=tmp_path)
