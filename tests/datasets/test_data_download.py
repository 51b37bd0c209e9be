"""Downloads from a server on this machine that works, and that fails in each way servers fail."""

import hashlib
import http.server
import threading
import time
from dataclasses import replace

import pytest
from test_data_parsers import POINTS, cifar_members, csv_bytes, csv_row, zip_file

from exercise_code.common.data import load_dataset
from exercise_code.common.datasets import download as downloads
from exercise_code.common.datasets import registry
from exercise_code.common.datasets.registry import DatasetInfo, Variant
from exercise_code.common.errors import CourseError


class Server:
    """Serves `files`; `failures[path]` lists what to do instead, one for each request."""

    def __init__(self):
        self.files, self.failures, self.requests = {}, {}, []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                server.answer(self)

            def log_message(self, *_arguments):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, handler):
        failures = self.failures.get(handler.path, [])
        failure = failures.pop(0) if failures else None
        data = self.files.get(handler.path)
        if isinstance(failure, int) or data is None:
            handler.send_error(failure or 404)
            return
        if failure == "silent":
            time.sleep(0.5)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        try:
            handler.wfile.write(data[: len(data) // 2] if failure == "cut" else data)
        except ConnectionError:
            pass  # the client has hung up, as it should when too much comes


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def course(tmp_path, monkeypatch, server):
    """A course whose one registered file lies on the server; `DATASETS_DIR` is empty."""
    packed = zip_file(tmp_path / "packed.zip", cifar_members()).read_bytes()
    server.files["/cifar10.zip"] = packed
    variant = Variant(
        dataset="cifar10",
        name="sample",
        file="cifar10.zip",
        splits=("train", "val", "test"),
        hash=f"sha256:{hashlib.sha256(packed).hexdigest()}",
        size=len(packed),
        parser="cifar10_folders",
        url=f"{server.url}/cifar10.zip",
    )
    return Course(monkeypatch, tmp_path / "data", variant)


class Course:
    def __init__(self, monkeypatch, folder, variant):
        self.folder, self.variant, self._monkeypatch = folder, variant, monkeypatch
        monkeypatch.setenv("DATASETS_DIR", str(folder))
        monkeypatch.setenv("DATASETS_SOURCE", "auto")
        monkeypatch.delenv("DATASETS_MIRROR", raising=False)
        monkeypatch.setattr(downloads, "_PAUSE", 0.0)
        monkeypatch.setattr(downloads, "_TIMEOUT", 5)
        self.register(variant)

    def register(self, *variants, **facts):
        info = DatasetInfo(
            name=variants[0].dataset,
            title="",
            licence="",
            citation="",
            homepage="https://example.org",
            variants=variants,
            **facts,
        )
        self._monkeypatch.setattr(registry, "_cached_registry", lambda *_: {info.name: info})

    def leftovers(self):
        return sorted(path.name for path in self.folder.glob("*"))


def test_a_download_is_verified_parsed_and_not_repeated(course, server, capsys):
    assert len(load_dataset("cifar10", "train", "real")) == 80
    assert len(load_dataset("cifar10", "train", "real")) == 80
    assert len(load_dataset("cifar10", "val")) == 20, "auto is real once the file is there"
    assert server.requests == ["/cifar10.zip"]
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == f"downloading cifar10.zip (0 MB) from {server.url[7:]}"
    assert said.out.splitlines()[-1] == "cifar10 val: 20 samples, real (sample)"
    assert said.err == "", "to nbgrader a graded cell with anything on stderr has failed"


def test_without_anything_on_disk_auto_is_embedded_and_asks_nobody(course, server, monkeypatch):
    monkeypatch.setenv("DATASETS_MIRROR", server.url)
    assert load_dataset("cifar10", "val").source == "embedded"
    assert server.requests == []


def test_a_mirror_comes_first_and_may_hold_any_variant(course, server, monkeypatch):
    other = replace(course.variant, name="other", file="deep/other set.zip", url=None)
    course.register(replace(course.variant, url="http://127.0.0.1:9/never"), other)
    server.files = {"/mirror/deep/other%20set.zip": server.files["/cifar10.zip"]}
    monkeypatch.setenv("DATASETS_MIRROR", f"{server.url}/mirror/")
    assert load_dataset("cifar10", "val", "real").variant == "other"
    assert server.requests == ["/mirror/cifar10.zip", "/mirror/deep/other%20set.zip"]


@pytest.mark.parametrize("failures", [["cut"], [503], ["cut", 500]])
def test_a_passing_failure_is_tried_again(course, server, failures):
    server.failures["/cifar10.zip"] = failures
    wanted = len(failures) + 1
    assert load_dataset("cifar10", "val", "real").source == "real"
    assert len(server.requests) == wanted


def refused(course, words, split="val"):
    with pytest.raises(CourseError, match=words) as caught:
        load_dataset("cifar10", split, "real")
    assert "\n" not in str(caught.value)
    assert not [name for name in course.leftovers() if name != "cache"], "a file was left behind"
    return str(caught.value)


@pytest.mark.parametrize(
    ("failure", "words", "requests"),
    [
        ("cut", "the connection was cut", 3),
        (404, "the server answers 404", 1),
        (403, "the server answers 403", 1),
        (500, "the server answers 500", 3),
        ("silent", "no answer in 0.1 seconds", 3),
    ],
)
def test_a_failing_server_is_one_clear_line(course, server, monkeypatch, failure, words, requests):
    if failure == "silent":
        monkeypatch.setattr(downloads, "_TIMEOUT", 0.1)
    server.failures["/cifar10.zip"] = [failure] * 5
    message = refused(course, words)
    assert "could not download cifar10" in message and "embedded" in message and server.url in message
    assert len(server.requests) == requests


def test_nobody_listening_is_one_clear_line(course):
    gone = Server()
    gone.close()
    course.register(replace(course.variant, url=f"{gone.url}/cifar10.zip"))
    refused(course, "no connection")


def test_another_file_under_the_name_is_refused(course, server):
    good = server.files["/cifar10.zip"]
    server.files["/cifar10.zip"] = good[:-1] + b"?"
    refused(course, f"expected {course.variant.hash}, the server sends another file")
    assert len(server.requests) == 1


def test_a_server_that_sends_too_much_is_stopped(course, server):
    server.files["/cifar10.zip"] += b"\0" * 50_000_000
    refused(course, f"expected {course.variant.size:,} bytes, the server sends more")


def test_a_zip_that_leads_out_is_refused(course, server, tmp_path):
    packed = zip_file(tmp_path / "bad.zip", [*cifar_members(), ("../../outside.png", b"x")]).read_bytes()
    server.files["/cifar10.zip"] = packed
    course.register(replace(course.variant, hash=f"sha256:{hashlib.sha256(packed).hexdigest()}", size=len(packed)))
    with pytest.raises(CourseError, match=r"'\.\./\.\./outside\.png', which leads out of the archive"):
        load_dataset("cifar10", "train", "real")
    assert not list(tmp_path.rglob("outside.png"))


def test_a_disk_without_room_is_told_before_the_download(course, server, monkeypatch):
    course.register(replace(course.variant, size=10**18))
    refused(course, "no room in .* for cifar10.zip .*set DATASETS_DIR")
    assert server.requests == []


def test_a_set_behind_a_login_says_where_to_put_the_file(course, monkeypatch, tmp_path):
    faces = replace(
        course.variant, dataset="facial_keypoints", file="facial_keypoints/training.csv", parser="kaggle_csv",
        splits=("train", "val"), url=None, hash=None, size=None,
    )  # fmt: skip
    course.register(faces, login="log in and download training.zip")
    with pytest.raises(CourseError) as caught:
        load_dataset("facial_keypoints", "train", "real")
    for part in ("log in and download training.zip", str(course.folder / "facial_keypoints"), "DATASETS_MIRROR"):
        assert part in str(caught.value)
    (course.folder / "facial_keypoints").mkdir(parents=True)
    (course.folder / "facial_keypoints" / "training.csv").write_bytes(csv_bytes(*[csv_row(POINTS)] * 6))
    assert len(load_dataset("facial_keypoints", "train")) == 5
    # Another file under the same name, without a known hash: the cache must not answer for it.
    (course.folder / "facial_keypoints" / "training.csv").write_bytes(csv_bytes(*[csv_row(POINTS)] * 11))
    assert len(load_dataset("facial_keypoints", "train")) == 9


def test_a_changed_file_on_disk_is_refused(course, server):
    course.folder.mkdir()
    data = server.files["/cifar10.zip"]
    for content, words in ((data[:-1], f"{len(data):,} bytes, got {len(data) - 1:,}"), (data[:-1] + b"?", "sha256")):
        (course.folder / "cifar10.zip").write_bytes(content)
        with pytest.raises(CourseError, match=f"expected cifar10.zip with .*{words}.*delete"):
            load_dataset("cifar10", "val", "real")
    assert server.requests == []


def test_a_cache_outlives_its_file_and_is_rebuilt_from_a_new_download(course, server):
    load_dataset("cifar10", "val", "real")
    (course.folder / "cifar10.zip").unlink()
    assert load_dataset("cifar10", "val").source == "real"
    assert len(server.requests) == 1
    for path in (course.folder / "cache").rglob("images.npy"):
        path.write_bytes(b"")
    assert len(load_dataset("cifar10", "val", "real")) == 20
    assert len(server.requests) == 2
