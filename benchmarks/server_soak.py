"""Server under a mixed load: does it stay correct, alive and small?

Clients send completions and streams with many settings, leave in the middle of a text, do not read, and send
malformed requests. Every text is compared with the one that the server generated before, when it had nothing else to
do. Memory is compared between the tenth of the time after the first fifth, and the last tenth, by medians.

    python benchmarks/server_soak.py RUN --minutes 10
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from markdown import print_table
from served import RUN_HELP, run_to_serve, serving

NUM_CLIENTS = 24
MALFORMED = (
    (
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
        400,
    ),
    (b"POST /v1/completions HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n\r\n", 421),
    (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 415),
    (b"POST /score HTTP/1.1\r\nHost: localhost\r\nOrigin: http://example.org\r\nContent-Length: 0\r\n\r\n", 403),
    (b"GET /no/such/path HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"\x00\xff\x00\xff\r\n\r\n", 400),
)  # fmt: skip
"""Requests that must be refused, and the status of the answer."""


class Load:
    """A mixed load on one server.

    Args:
        host: host of the server.
        port: port of the server.
        model: name of the run.
    """

    def __init__(self, host: str, port: int, model: str) -> None:
        self._host, self._port = host, port
        self.counts: Counter[str] = Counter()
        self._bodies: list[dict[str, Any]] = [
            {"model": model, "prompt": prompt, "seed": seed, "max_tokens": 40 * 4**length, **settings}
            for seed, prompt in enumerate(("", "a", "The ", "in the "))
            for length in range(3)
            for settings in (
                {"temperature": 0.7},
                {"top_k": 5, "n": 3},
                {"temperature": 0, "stop": "q"},
                {"logprobs": 2},
            )
        ]
        self._expected: list[list[str]] = []

    async def run(self, seconds: float) -> None:
        """Ask for every text alone, then send the load for some time."""
        for body in self._bodies:
            self._expected.append(await self._texts(body))
        deadline = time.monotonic() + seconds
        await asyncio.gather(*(self._client(seed, deadline) for seed in range(NUM_CLIENTS)))

    async def _client(self, seed: int, deadline: float) -> None:
        draw = random.Random(seed)
        while time.monotonic() < deadline:
            action = draw.choice((self._check, self._check, self._check, self._leave, self._refused, self._do_not_read))
            try:
                await asyncio.wait_for(action(draw), 120)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
                self.counts[f"fault of {action.__name__.strip('_')}: {type(error).__name__} {error}"[:100]] += 1

    async def _check(self, draw: random.Random) -> None:
        number = draw.randrange(len(self._bodies))
        body = {**self._bodies[number], "stream": draw.random() < 0.5}
        texts = await self._texts(body)
        is_same = texts == self._expected[number]
        self.counts["texts as alone" if is_same else "other texts"] += len(texts)

    async def _leave(self, draw: random.Random) -> None:
        reader, writer = await self._send(
            {**draw.choice(self._bodies), "stream": True, "max_tokens": 50_000, "stop": None}
        )
        await reader.readuntil(b"data: ")
        writer.close()
        self.counts["clients that left"] += 1

    async def _do_not_read(self, draw: random.Random) -> None:
        _, writer = await self._send({**self._bodies[0], "stream": True, "max_tokens": 100_000})
        await asyncio.sleep(draw.uniform(0.1, 3))
        writer.close()
        self.counts["clients that did not read"] += 1

    async def _refused(self, draw: random.Random) -> None:
        request, expected = draw.choice(MALFORMED)
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(request)
        line = await reader.readline()
        writer.close()
        self.counts["refusals as expected" if int(line.split()[1]) == expected else "other refusals"] += 1

    async def _texts(self, body: dict[str, Any]) -> list[str]:
        """Return the texts of a request."""
        reader, writer = await self._send(body)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ValueError(head.partition(b"\r\n")[0].decode())
        content = await reader.read(-1)
        writer.close()
        if not body.get("stream"):
            return [choice["text"] for choice in json.loads(content)["choices"]]
        texts = [""] * body.get("n", 1)
        for line in content.decode().splitlines():
            if line.startswith("data: {"):
                for choice in json.loads(line.removeprefix("data: "))["choices"]:
                    texts[choice["index"]] += choice["text"]
        return texts

    async def _send(self, body: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request over a connection of its own, in the old version of HTTP without chunks."""
        content = json.dumps(body).encode()
        lines = ["POST /v1/completions HTTP/1.0", "Host: localhost", "Content-Type: application/json"]
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=1 << 24)
        writer.write("\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content)
        return reader, writer


def memory_bytes(process: int) -> int:
    """Return the resident memory of a process."""
    fields = Path(f"/proc/{process}/status").read_text().split()
    return 1024 * int(fields[fields.index("VmRSS:") + 1])


async def measure(load: Load, process: int, seconds: float) -> tuple[float, float]:
    """Send the load, and return the memory of the server early and late; see the description of this file."""
    sending = asyncio.ensure_future(load.run(seconds))
    memory = []
    for _ in range(100):
        await asyncio.sleep(seconds / 100)
        memory.append(memory_bytes(process))
    await sending
    return statistics.median(memory[20:30]), statistics.median(memory[90:])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help=RUN_HELP)
    parser.add_argument("--minutes", type=float, default=10.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = run_to_serve(args.run, Path(folder))
        with serving(run) as server:
            load = Load(str(server.parts.hostname), int(server.parts.port or 0), run.name)
            early, late = asyncio.run(measure(load, server.process.pid, 60 * args.minutes))
    rows = [[name, f"{count:,}"] for name, count in sorted(load.counts.items())]
    rows.append(["memory of the server", f"{early / 1e6:.1f} MB, then {late / 1e6:.1f} MB: {late / early - 1:+.1%}"])
    rows.append(["exit code", str(server.process.returncode)])
    print_table(["what", "number"], rows)
    print(server.errors)


if __name__ == "__main__":
    main()
