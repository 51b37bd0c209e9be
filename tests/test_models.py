"""Saved models: what is written, what comes back, what is refused."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code.common.errors import CourseError
from exercise_code.common.evaluation import evaluate_model
from exercise_code.common.models import count_parameters, load_model, model_source, save_model


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
    assert evaluate_model(back, data) == evaluate_model(net, data)
    assert model_source(path) == "embedded"
    assert sorted(p.name for p in path.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_parameters_include_floating_buffers_only(net, tmp_path, capsys):
    # 4·30 + 30 of the linear layer, 2·4 of the normalisation, 2·4 of its running statistics; not its counter.
    assert count_parameters(net) == 166
    save_model(net, "net", HPARAMS, folder=tmp_path)
    assert "166 parameters" in capsys.readouterr().out


def test_the_notebooks_folder_is_found_and_limits_are_said(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "anywhere"
    folder.mkdir()
    (folder / "1_keypoints.ipynb").write_text("{}")
    monkeypatch.chdir(folder)
    path = save_model(nn.Linear(2, 2), "keypoints", {})
    assert path == folder / "models" / "keypoints.safetensors"
    assert "6 parameters (at most 5,000,000)" in capsys.readouterr().out
    assert load_model("keypoints", lambda _: nn.Linear(2, 2)).weight.shape == (2, 2)
    save_model(nn.Linear(2300, 2300), "keypoints", {})
    assert "too much" in capsys.readouterr().out
    with pytest.raises(CourseError, match="hands in keypoints"):
        save_model(nn.Linear(2, 2), "keypoint", {})


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
    save_model(worse, "net", HPARAMS, folder=tmp_path, keep_best=data)
    assert (tmp_path / "net.safetensors").read_bytes() == first
    assert "Kept the model saved before" in capsys.readouterr().out
    better = Net(HPARAMS)
    with torch.no_grad():
        better.linear.weight.zero_()
        better.linear.bias.copy_(data.tensors[1].mean(dim=0))
    save_model(better, "net", HPARAMS, folder=tmp_path, keep_best=data)
    assert load_file(tmp_path / "net.safetensors")["linear.weight"].abs().max() == 0
    save_model(worse, "net", HPARAMS, folder=tmp_path)
    assert load_file(tmp_path / "net.safetensors")["linear.weight"].abs().max() > 0


def test_keep_best_replaces_a_model_that_no_longer_runs(net, data, tmp_path, capsys):
    save_model(nn.Linear(4, 30), "net", {}, folder=tmp_path)
    save_model(net, "net", HPARAMS, folder=tmp_path, keep_best=data)
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
    with pytest.raises(CourseError, match="save it again"):
        model_source(tmp_path / "net.safetensors")
    with pytest.raises(CourseError, match="letters, digits"):
        save_model(net, "../net", HPARAMS, folder=tmp_path)
