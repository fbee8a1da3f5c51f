"""Server: how soon is the first character there, and how many characters per second do one and 64 clients get?

The 64 clients are compared with the same 64 texts generated in this process, by the same batched decoder; both sides
alternate. Server and clients share the processors of this machine.

    python benchmarks/server_speed.py                      an LSTM of 256 units on characters
    python benchmarks/server_speed.py RUN --rounds 5
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from markdown import print_table
from served import RUN_HELP, Served, run_to_serve, serving

import seqloom
from seqloom.config import SamplingConfig

NUM_CLIENTS = 64
PROMPT = "The quick brown fox jumps over the lazy dog, and then it goes home to read a book about sequences of it. "[
    :100
]


def request_bytes(model: str, max_tokens: int, seed: int, prompt: str = "") -> bytes:
    """Return a request for a stream over a connection that stays open."""
    fields = {"model": model, "prompt": prompt, "max_tokens": max_tokens, "seed": seed, "stream": True}
    body = json.dumps(fields).encode()
    lines = ["POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def read_stream(reader: asyncio.StreamReader) -> tuple[float, int]:
    """Read an answer to its end; return the time of its first event, and the number of its bytes."""
    await reader.readuntil(b"\r\n\r\n")
    num_bytes, first = 0, 0.0
    tail = b""
    while not tail.endswith(b"0\r\n\r\n"):
        data = await reader.read(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        first = first or time.perf_counter()
        num_bytes += len(data)
        tail = (tail + data)[-8:]
    return first, num_bytes


async def first_character(host: str, port: int, model: str, prompt: str, count: int) -> float:
    """Return the median time to the first character in seconds, over one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    seconds = []
    for seed in range(count):
        start = time.perf_counter()
        writer.write(request_bytes(model, 50, seed, prompt))
        first, _ = await read_stream(reader)
        seconds.append(first - start)
    writer.close()
    return statistics.median(seconds)


async def throughput(host: str, port: int, model: str, num_clients: int, length: int) -> float:
    """Return characters per second of clients that each stream one text."""
    connections = [await asyncio.open_connection(host, port) for _ in range(num_clients)]
    start = time.perf_counter()
    for seed, (_, writer) in enumerate(connections):
        writer.write(request_bytes(model, length, seed))
    await asyncio.gather(*(read_stream(reader) for reader, _ in connections))
    seconds = time.perf_counter() - start
    for _, writer in connections:
        writer.close()
    return num_clients * length / seconds


def in_process(run: seqloom.Run, count: int, length: int) -> float:
    """Return characters per second of as many texts in this process."""
    generator = run.generator()
    start = time.perf_counter()
    samples = list(generator.generate(generator.prompt(""), SamplingConfig(length=length), count=count))
    return sum(len(sample.tokens) for sample in samples) / (time.perf_counter() - start)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help=RUN_HELP)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--length", type=int, default=20_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = seqloom.load(run_to_serve(args.run, Path(folder)))
        with serving(run.path) as server:
            measure(run, server, args)


def measure(run: seqloom.Run, server: Served, args: argparse.Namespace) -> None:
    """Measure, and print the table."""
    host, port = str(server.parts.hostname), int(server.parts.port or 0)
    model, known = run.path.name, run.codec.known_text(PROMPT)
    asyncio.run(first_character(host, port, model, known, 5))
    first = asyncio.run(first_character(host, port, model, known, 50))
    single = [asyncio.run(throughput(host, port, model, 1, 5 * args.length)) for _ in range(args.rounds)]
    pairs = []
    for _ in range(args.rounds):
        alone = in_process(run, NUM_CLIENTS, args.length)
        pairs.append((asyncio.run(throughput(host, port, model, NUM_CLIENTS, args.length)), alone))
    ratio = statistics.median(served / alone for served, alone in pairs)
    served, alone = (statistics.median(column) for column in zip(*pairs, strict=True))
    rows = [
        ["server ready after its start", f"{server.ready_seconds:.2f} s"],
        ["first character, kept connection, prompt of 100 characters, median of 50", f"{1000 * first:.1f} ms"],
        ["one client", f"{statistics.median(single):,.0f} characters/s"],
        [f"{NUM_CLIENTS} clients", f"{served:,.0f} characters/s"],
        [f"the same {NUM_CLIENTS} texts in process", f"{alone:,.0f} characters/s"],
        ["share", f"{ratio:.0%}"],
    ]
    print_table(["what", "measured"], rows)


if __name__ == "__main__":
    main()
