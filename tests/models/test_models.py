"""Saved models: what is written, what comes back, what is refused."""

import json
import os
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code.common import exercise as exercises
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.errors import CourseError
from exercise_code.common.evaluation import evaluate_model
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.model_file import inspect_model
from exercise_code.common.models import count_parameters, load_model, save_model


class Net(nn.Module):
    def __init__(self, hparams):
        super().__init__()
        self.hparams = hparams
        self.norm = nn.BatchNorm1d(4)
        self.linear = nn.Linear(4, hparams["outputs"])

    def forward(self, x):
        return self.linear(self.norm(x))


HPARAMS = {"outputs": 30, "note": "a text", "sizes": (1, 2), "rate": 0.1}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net(HPARAMS)


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    return TensorDataset(torch.rand(20, 4, generator=generator), torch.rand(20, 30, generator=generator))


def test_a_model_comes_back_as_it_was(net, data, tmp_path):
    path = save_model(net, "net", HPARAMS, folder=tmp_path / "models", data_source="embedded")
    back = load_model("net", Net, folder=tmp_path / "models")
    assert not back.training
    assert back.hparams == {**HPARAMS, "sizes": [1, 2]}
    assert evaluate_model(back, data, "keypoint_score") == evaluate_model(net, data, "keypoint_score")
    assert inspect_model(path).data_source == "embedded"
    assert sorted(p.name for p in path.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_parameters_include_floating_buffers_only(net, tmp_path, capsys):
    # 4·30 + 30 of the linear layer, 2·4 of the normalisation, 2·4 of its running statistics; not its counter.
    assert count_parameters(net) == 166
    save_model(net, "net", HPARAMS, folder=tmp_path)
    assert "166 parameters" in capsys.readouterr().out


MODEL_CODE = """
from torch import nn

class SmallNet(nn.Module):
    def __init__(self, hparams):
        super().__init__()
        self.layer = nn.Linear(hparams["inputs"], hparams["outputs"])

    def forward(self, x):
        return self.layer(x)
"""
SCORING = """
import json
import numpy as np

def evaluation_set(source, split, seed=None):
    return np.zeros((7, 1), np.float32), np.zeros(7)

def predict(code, name, inputs):
    import torch
    from safetensors.torch import load_file
    hparams = json.loads((code.models / f"{name}.json").read_text())
    model = code.model.SmallNet(hparams)
    model.load_state_dict(load_file(code.models / f"{name}.safetensors"))
    return model(torch.from_numpy(inputs).repeat(1, hparams["inputs"])).detach().numpy()
"""
PLAIN = {"inputs": 2, "outputs": 2}


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """The student's module `model` of an exercise in which a model `net` is handed in."""
    package = tmp_path / "course" / "exercise_code"
    folder = package / "ex98_net"
    folder.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (folder / "exercise.toml").write_text(
        'title = "Net"\nminutes = 5\nmodules = ["model"]\ngiven = ["scoring"]\nnotebooks = ["1_net"]\n[model]\n'
        'files = ["net"]\nmax_parameters = 1000\nmax_size_mb = 1\nmetric = "accuracy"\ngrade_id = "net"\n'
        'digits = 2\ndataset = "cifar10"\ncpu_seconds = 5\n'
        '[[model.steps]]\nname = "passes"\nscore = { embedded = 0.5, real = 0.5 }\nshare = 1.0\n'
    )
    (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text(MODEL_CODE)
    (folder / "scoring.py").write_text(SCORING)
    monkeypatch.setattr(exercises, "PACKAGE", package)
    notebooks = tmp_path / "course" / "exercises" / "ex98_net"
    notebooks.mkdir(parents=True)
    (notebooks / "1_net.ipynb").write_text("{}")
    monkeypatch.chdir(notebooks)
    with fresh_code(load_exercise("ex98_net")) as code:
        yield code.model


def test_wrappers_are_taken_off(graded, tmp_path):
    net = graded.SmallNet(PLAIN)
    for wrapped in (torch.compile(net), nn.DataParallel(net), nn.DataParallel(torch.compile(net))):
        path = save_model(wrapped, "net", PLAIN)
        assert sorted(load_file(path)) == ["layer.bias", "layer.weight"]
        assert torch.equal(load_model("net", graded.SmallNet).layer.weight, net.layer.weight)


@pytest.mark.parametrize(
    ("edit", "hparams", "reason"),
    [
        ("", {"inputs": 3, "outputs": 2}, "size mismatch"),
        ("        self.more = nn.Linear(1, 1)\n\n    def forward", PLAIN, "Missing key"),
        ("        raise NotImplementedError()\n\n    def forward", PLAIN, "NotImplementedError"),
    ],
)
def test_a_model_that_the_grader_cannot_use_does_not_replace_a_good_one(graded, edit, hparams, reason):
    path = save_model(graded.SmallNet(PLAIN), "net", PLAIN)
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    if edit:
        source = exercises.PACKAGE / "ex98_net" / "model.py"
        source.write_text(MODEL_CODE.replace("    def forward", edit))
    with pytest.raises(CourseError, match=f"not saved.*{reason}.*is still there"):
        save_model(graded.SmallNet(PLAIN), "net", hparams)
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_a_model_that_computes_too_long_is_said(graded, capsys):
    toml = exercises.PACKAGE / "ex98_net" / "exercise.toml"
    toml.write_text(toml.read_text().replace("cpu_seconds = 5", "cpu_seconds = 0"))
    save_model(graded.SmallNet(PLAIN), "net", PLAIN)
    assert "(at most 0 s). That is too much" in capsys.readouterr().out


def test_weights_with_too_many_axes_are_said(graded, capsys):
    toml = exercises.PACKAGE / "ex98_net" / "exercise.toml"
    toml.write_text(toml.read_text().replace("max_size_mb = 1\n", "max_size_mb = 1\nmax_axes = 1\n"))
    save_model(graded.SmallNet(PLAIN), "net", PLAIN)
    said = capsys.readouterr().out
    assert "It would not be graded: layer.weight in net.safetensors has 2 axes, (2, 2)" in said
    # A matrix is what a fully connected layer has, so that cannot be the way out here.
    assert "fully connected" not in said


def test_hyperparameters_that_build_another_model_are_refused(net, tmp_path):
    with pytest.raises(CourseError, match=r"Net\(hparams\) builds another model: linear.weight is"):
        save_model(net, "net", {**HPARAMS, "outputs": 29}, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_notebooks_folder_is_found_and_limits_are_said(graded, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "anywhere"
    folder.mkdir()
    (folder / "1_net.ipynb").write_text("{}")
    monkeypatch.chdir(folder)
    path = save_model(graded.SmallNet(PLAIN), "net", PLAIN)
    assert path == folder / "models" / "net.safetensors"
    said = capsys.readouterr().out
    assert "6 parameters (at most 1,000)" in said
    assert re.search(r"s of computing time for 7 inputs \(at most 5 s\)\.$", said)
    assert load_model("net", graded.SmallNet).layer.weight.shape == (2, 2)
    large = {"inputs": 40, "outputs": 40}
    save_model(graded.SmallNet(large), "net", large)
    assert "too much" in capsys.readouterr().out
    with pytest.raises(CourseError, match="hands in net"):
        save_model(graded.SmallNet(PLAIN), "nett", PLAIN)


def test_outside_of_an_exercise_one_must_be_named(net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="pass exercise="):
        save_model(net, "keypoints", HPARAMS)


def test_keep_best_keeps_the_better_model(net, data, tmp_path, capsys):
    save_model(net, "net", HPARAMS, folder=tmp_path)
    first = (tmp_path / "net.safetensors").read_bytes()
    worse = Net(HPARAMS)
    with torch.no_grad():
        worse.linear.bias += 10
    save_model(worse, "net", HPARAMS, folder=tmp_path, keep_best=data, metric="keypoint_score")
    assert (tmp_path / "net.safetensors").read_bytes() == first
    assert "Kept the model saved before" in capsys.readouterr().out
    better = Net(HPARAMS)
    with torch.no_grad():
        better.linear.weight.zero_()
        better.linear.bias.copy_(data.tensors[1].mean(dim=0))
    save_model(better, "net", HPARAMS, folder=tmp_path, keep_best=data, metric="keypoint_score")
    assert load_file(tmp_path / "net.safetensors")["linear.weight"].abs().max() == 0
    save_model(worse, "net", HPARAMS, folder=tmp_path)
    assert load_file(tmp_path / "net.safetensors")["linear.weight"].abs().max() > 0


def test_keep_best_wants_a_metric_and_knows_which_way_is_better(net, data, tmp_path):
    with pytest.raises(CourseError, match="expected the metric that keep_best compares"):
        save_model(net, "net", HPARAMS, folder=tmp_path, keep_best=data)
    with pytest.raises(CourseError, match="did you mean 'mse'"):
        save_model(net, "net", HPARAMS, folder=tmp_path, keep_best=data, metric="mes")
    # Of an error, less is better.
    one = {**HPARAMS, "outputs": 1}
    numbers = TensorDataset(data.tensors[0], data.tensors[1][:, :1])
    good, bad = Net(one), Net(one)
    with torch.no_grad():
        for model in (good, bad):
            model.linear.weight.zero_()
        good.linear.bias.copy_(numbers.tensors[1].mean(dim=0))
        bad.linear.bias += 10
    for model in (bad, good, bad):
        save_model(model, "one", one, folder=tmp_path, keep_best=numbers, metric="mse")
    assert torch.equal(load_file(tmp_path / "one.safetensors")["linear.bias"], good.linear.bias)


def test_keep_best_replaces_a_model_that_no_longer_runs(net, data, tmp_path, capsys):
    save_model(nn.Linear(4, 30), "net", {}, folder=tmp_path)
    save_model(net, "net", HPARAMS, folder=tmp_path, keep_best=data, metric="keypoint_score")
    assert "no longer runs" in capsys.readouterr().out
    assert load_model("net", Net, folder=tmp_path).hparams["outputs"] == 30


@pytest.mark.parametrize("value", [torch.tensor(1), object(), float("nan"), {1: 2}, b"bytes", {"a": {3}}])
def test_hyperparameters_are_plain_values(net, value, tmp_path):
    with pytest.raises(CourseError, match="'odd'"):
        save_model(net, "net", {"outputs": 30, "odd": value}, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_hyperparameters_are_no_place_for_weights(net, tmp_path):
    with pytest.raises(CourseError, match="64 KB"):
        save_model(net, "net", {"weights": [0.123] * 20_000}, folder=tmp_path)


def test_a_broken_write_leaves_the_old_model(net, tmp_path, monkeypatch):
    save_model(net, "net", HPARAMS, folder=tmp_path)
    before = (tmp_path / "net.safetensors").read_bytes()

    def full(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CourseError, match="No space left"):
        save_model(Net(HPARAMS), "net", HPARAMS, folder=tmp_path)
    assert (tmp_path / "net.safetensors").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_what_does_not_fit_is_named(net, tmp_path):
    save_model(net, "net", HPARAMS, folder=tmp_path)
    with pytest.raises(CourseError, match=r"lacks bias, weight"):
        load_model("net", lambda _: nn.Linear(4, 30), folder=tmp_path)
    with pytest.raises(CourseError, match=r"linear.weight is \(30, 4\) in the file and \(7, 4\) in the model"):
        load_model("net", lambda _: Net({"outputs": 7}), folder=tmp_path)
    with pytest.raises(CourseError, match="found none"):
        load_model("other", Net, folder=tmp_path)
    (tmp_path / "net.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="save the model again"):
        load_model("net", Net, folder=tmp_path)
    (tmp_path / "net.json").write_text(json.dumps(HPARAMS), encoding="utf-8")
    (tmp_path / "net.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CourseError, match="save the model again"):
        load_model("net", Net, folder=tmp_path)
    with pytest.raises(CourseError, match="letters, digits"):
        save_model(net, "../net", HPARAMS, folder=tmp_path)
