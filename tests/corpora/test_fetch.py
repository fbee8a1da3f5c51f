import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqloom.corpora import fetch as exported
from seqloom.corpora.catalogue import ENTRIES, Entry
from seqloom.corpora.fetch import catalogue, fetch
from seqloom.errors import SeqloomError, SourceError

CONTENT = b"a small corpus\n" * 1000


class Server:
    """Serves files on the loopback interface and remembers which were asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                content = outer.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SEQLOOM_CORPORA", raising=False)
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def entry(server: Server, monkeypatch: pytest.MonkeyPatch) -> Entry:
    entry = Entry(
        name="small",
        description="a corpus for tests",
        licence="none",
        addresses=(f"{server.address}/first", f"{server.address}/second"),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        num_bytes=len(CONTENT),
    )
    # The package exports a function of the module's name, which hides the module from a dotted path.
    monkeypatch.setattr(sys.modules["seqloom.corpora.fetch"], "ENTRIES", {**ENTRIES, "small": entry})
    return entry


def test_a_file_is_fetched_once(server: Server, entry: Entry, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.files["/first"] = CONTENT
    path = fetch("small")
    assert path == cache / "corpora" / "small.txt"
    assert path.read_bytes() == CONTENT
    assert fetch("small") == path
    assert server.asked == ["/first"]
    said = capsys.readouterr()
    assert said.out == ""
    assert "fetching small" in said.err


def test_no_bar_where_none_is_wanted(server: Server, entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    server.files["/first"] = CONTENT
    fetch("small", progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_next_address_is_tried(server: Server, entry: Entry) -> None:
    server.files["/second"] = CONTENT
    assert fetch("small", progress=False).read_bytes() == CONTENT
    assert server.asked == ["/first", "/second"]


def test_a_file_with_another_hash_is_refused_and_not_kept(server: Server, entry: Entry, cache: Path) -> None:
    server.files["/first"] = server.files["/second"] = CONTENT.replace(b"small", b"evil!")
    with pytest.raises(SourceError, match="another sha256") as raised:
        fetch("small", progress=False)
    assert len(raised.value.faults) == 1
    assert list((cache / "corpora").iterdir()) == []


def test_a_damaged_copy_in_the_cache_is_replaced(server: Server, entry: Entry, cache: Path) -> None:
    (cache / "corpora").mkdir()
    (cache / "corpora" / "small.txt").write_bytes(CONTENT[:-1] + b"!")
    server.files["/first"] = CONTENT
    assert fetch("small", progress=False).read_bytes() == CONTENT


def test_without_a_network_one_line_says_what_to_do(server: Server, entry: Entry, cache: Path) -> None:
    server.http.server_close()
    with pytest.raises(SourceError) as raised:
        fetch("small", progress=False)
    (fault,) = raised.value.faults
    assert "\n" not in fault
    assert entry.addresses[0] in fault
    assert str(cache / "corpora" / "small.txt") in fault
    assert "SEQLOOM_CORPORA" in fault


def test_a_placed_file_is_found_by_its_hash_whatever_its_name(
    server: Server, entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CORPORA", str(tmp_path))
    (tmp_path / "a").write_bytes(CONTENT[::-1])  # of the right size only
    placed = tmp_path / "deep" / "down.bin"
    placed.parent.mkdir()
    placed.write_bytes(CONTENT)
    assert fetch("small") == placed
    assert server.asked == []
    placed.write_bytes(CONTENT[::-1])
    os.utime(placed, ns=(1, 1))
    server.files["/first"] = CONTENT
    assert fetch("small", progress=False) != placed


def test_the_catalogue_says_what_is_at_hand(server: Server, entry: Entry) -> None:
    def at_hand() -> dict[str, bool]:
        return {entry.name: entry.is_local for entry in catalogue()}

    assert at_hand() == {"python-docs": True, "nietzsche": False, "shakespeare": False, "small": False}
    server.files["/first"] = CONTENT
    fetch("small", progress=False)
    assert at_hand()["small"]
    assert [entry.path for entry in catalogue() if entry.name == "python-docs"] == [None]


@pytest.mark.parametrize(("name", "said"), [("nietsche", "did you mean 'nietzsche'"), ("python-docs", "is built in")])
def test_names_without_a_file(name: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        exported(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_cache_that_cannot_be_written_to_is_told(server: Server, entry: Entry, cache: Path) -> None:
    server.files["/first"] = CONTENT
    cache.chmod(0o500)
    try:
        with pytest.raises(SeqloomError, match="SEQLOOM_CACHE"):
            fetch("small", progress=False)
    finally:
        cache.chmod(0o700)


def test_a_cache_that_is_a_file_is_told(server: Server, entry: Entry, cache: Path) -> None:
    server.files["/first"] = CONTENT
    (cache / "corpora").write_text("in the way")
    with pytest.raises(SeqloomError, match="SEQLOOM_CACHE"):
        fetch("small", progress=False)
