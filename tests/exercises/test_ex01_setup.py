"""What exercise 1 says of a computer, and of one that lacks something."""

import importlib.metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from exercise_code.ex01_organization import setup_check


def test_each_thing_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    setup_check.show_setup()
    text = capsys.readouterr().out
    for word in ("Python", "numpy", "matplotlib", "jupyterlab", "torch", "disk", "memory", "GPU"):
        assert word in text


def test_an_old_python_is_named() -> None:
    assert setup_check._python((3, 9, 1))[0] == "!"
    assert "3.9.1: this course needs 3.11" in setup_check._python((3, 9, 1))[1]
    assert setup_check._python((3, 14, 0)) == ("✓", "Python 3.14.0")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert setup_check._package("numpy") == (
        "!",
        "numpy is not installed in this Python: `make lab` in the course's folder brings it",
    )
    assert setup_check._package("torch")[0] == "·"


def test_a_full_disk_and_little_memory_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup_check.shutil, "disk_usage", lambda _: SimpleNamespace(free=3e8))
    assert setup_check._disk(tmp_path) == (
        "!",
        "0.3 GB of free disk: make room for 5 GB, as data sets and models are stored there",
    )
    assert setup_check._memory(2.0)[0] == "!"
    assert setup_check._memory(16.0) == ("✓", "16 GB of memory")


def test_a_graphics_card_is_good_news_and_none_is_no_bad_news(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert setup_check._gpu([])[0] == "·"
    assert setup_check._gpu(["one"]) == ("✓", "a graphics card (GPU): one")
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA One'\necho 'NVIDIA Two'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(setup_check.platform, "system", lambda: "Linux")
    assert setup_check._gpus() == ["NVIDIA One", "NVIDIA Two"]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert setup_check._gpus() == []
