"""What `autograder doctor` says: the secret that grading here would use, and walls that were tried for real."""

import platform
from functools import partial
from types import SimpleNamespace

import pytest

from autograder.cli import doctor
from autograder.sandbox.handle import ChildDied


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOGRADER_SECRET", raising=False)


def _secret(monkeypatch) -> doctor.Finding:
    monkeypatch.setattr(doctor, "_try_walls", list)
    (found,) = [finding for finding in doctor.examine() if finding.what == "secret"]
    return found


def test_the_secret_is_the_one_that_grading_here_would_use(tmp_path, monkeypatch):
    found = _secret(monkeypatch)
    assert found.value == "not set" and found.ok is None and "public demo secret" in found.advice
    (tmp_path / "class.toml").touch()
    (tmp_path / "secret").write_text("0123456789abcdef" * 2)
    assert _secret(monkeypatch) == doctor.Finding("secret", "the course folder's", True)
    monkeypatch.setenv("AUTOGRADER_SECRET", "f" * 32)
    assert _secret(monkeypatch) == doctor.Finding("secret", "AUTOGRADER_SECRET", True)


def test_a_secret_that_grading_refuses_is_no_secret(monkeypatch):
    monkeypatch.setenv("AUTOGRADER_SECRET", "short")
    found = _secret(monkeypatch)
    assert found.ok is False and "expected AUTOGRADER_SECRET to have 32 characters" in found.value


def test_a_child_that_cannot_answer_proves_no_walls(monkeypatch):
    """Else a machine on which every child dies would look as safe as one with walls."""

    class Broken:
        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> "Broken":
            return self

        def __exit__(self, *_: object) -> None: ...
        def start(self) -> None: ...
        def fork(self, *_: object, **__: object) -> SimpleNamespace:
            return SimpleNamespace(ask=self._ask, end=lambda: None)

        def _ask(self, *_: object, **__: object) -> object:
            raise ChildDied("it ended")

    monkeypatch.setattr(doctor, "Worker", Broken)
    monkeypatch.setattr(doctor, "_layers", lambda worker: [])
    oks = {finding.what: finding.ok for finding in doctor._try_walls()}
    assert oks.pop("a child tries to answer") is False and all(oks.values())


@pytest.mark.skipif(platform.system() != "Linux", reason="the walls are Linux's")
@pytest.mark.parametrize("namespaces", [True, False])
def test_a_child_answers_and_gets_nowhere_else(namespaces, monkeypatch):
    monkeypatch.setattr(doctor, "Worker", partial(doctor.Worker, namespaces=namespaces))
    found = doctor._try_walls()
    values = {f.what.removeprefix("a child tries to "): f.value for f in found}
    layers = {name: values.pop(name) for name in ("namespaces", "scratch folder", "access times", "threads")}
    assert values.pop("answer") == "it answers"
    assert set(values) == {"fork", "socket", "read", "write", "kill"}
    assert all(value.startswith("refused") for value in values.values())
    if not namespaces:
        assert layers["namespaces"].startswith("none (it was not asked for)")
        assert "caches are prepared" in layers["scratch folder"]
    assert all(layers.values())


def _worker(**known: object) -> SimpleNamespace:
    return SimpleNamespace(**{"is_private": False, "why_not_private": "not allowed", "threads": None, **known})


@pytest.mark.skipif(platform.system() != "Linux", reason="the walls are Linux's")
def test_mounts_that_note_each_reading_are_named(monkeypatch):
    monkeypatch.setattr(doctor.access_times, "is_noted_always", lambda path: path == "/usr/lib")
    found = doctor._layers(_worker(readable=["/lib", "/usr/lib"]))
    (times,) = [f for f in found if f.what == "access times"]
    assert times.ok is False and "strictatime" in times.value and "/usr/lib" in times.value
