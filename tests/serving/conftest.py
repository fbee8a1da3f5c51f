"""A server in a process of its own, with two runs on running text and a run on rated documents."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

import seqloom
from seqloom.detector.fit import fit_detector

WORDS = ("the", "soup", "was", "and", "we", "came", "again", "table", "warm", "waiter", "slow", "bread", "nice", "too")
STREAMS = 3


class Server:
    """A running server.

    Attributes:
        folder: folder of the runs, of the critic `rated` and of the detector.
        url: address of the server.
        client: client of the server.
        process: process of the server.
        errors: what it has written to standard error after its first line; known at the end.
    """

    def __init__(self, folder: Path, *options: str, runs: Sequence[str] = ("plain", "rated", "windowed")) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "seqloom", "serve", *(str(folder / name) for name in runs)]
        judges = ["--critic", str(folder / "rated"), "--detector", str(folder / "detector")]
        self.process = subprocess.Popen(
            [*command, *judges, "--port", "0", *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert "serving at " in line, line + self.process.stderr.read()
        self.url = line.split()[-1]
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def end(self) -> int:
        """Ask the server to end, and return its exit code."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(60)

    def post(self, path: str, **body: object) -> httpx.Response:
        """Send a request with a JSON body."""
        return self.client.post(path, json=body)

    def complete(self, prompt: object = "the ", model: str = "plain", **body: object) -> dict:  # type: ignore[type-arg]
        """Return the first choice of a completion."""
        answer = self.post("/v1/completions", model=model, prompt=prompt, **body)
        assert answer.status_code == 200, answer.text
        choice: dict = answer.json()["choices"][0]  # type: ignore[type-arg]
        return choice


def reviews(seed: int, ordered: bool) -> list[tuple[str, int]]:
    """Return texts with stars: real ones go through the words in a cycle, others draw them."""
    drawn = random.Random(seed)
    texts = []
    for number in range(300):
        place = drawn.randrange(len(WORDS))
        words = [
            WORDS[(place + step) % len(WORDS)] if ordered else drawn.choice(WORDS)
            for step in range(drawn.randint(6, 20))
        ]
        stars = number % 5 + 1
        texts.append((" ".join([*words, "good" if stars > 3 else "bad"]), stars))
    return texts


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the runs `plain`, `rated` and `windowed`, which reads windows, and a detector."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "plain.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 60, encoding="utf-8")
    for name, seed, ordered in (("real", 0, True), ("other", 1, False)):
        lines = [f"{text},{stars}\n" for text, stars in reviews(seed, ordered)]
        (folder / f"{name}.csv").write_text("text,stars\n" + "".join(lines), encoding="utf-8")
    settings = {"hidden_size": 24, "batch_size": 8, "progress": False}
    seqloom.train(folder / "plain.txt", run=folder / "plain", steps=60, **settings)
    seqloom.train(folder / "real.csv", run=folder / "rated", text="text", rating="stars", steps=60, **settings)
    windows = {"batching": "windows", "sequence_length": 4}
    seqloom.train(folder / "plain.txt", run=folder / "windowed", steps=60, **windows, **settings)
    fit_detector(
        folder / "real.csv", run=folder / "detector", generated=[folder / "other.csv"], text="text", light=True
    )
    return folder


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Server]:
    """Return a server, which must still answer at the end."""
    server = Server(folder, "--streams", str(STREAMS), "--max-waiting", "20", "--max-tokens", "100000")
    yield server
    assert server.client.get("/health").json() == {"status": "ok"}
    assert server.end() == 0
    assert server.errors == ""
