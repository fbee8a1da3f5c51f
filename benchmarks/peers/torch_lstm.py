"""Training and generation with torch's LSTM, eager or under `torch.compile`, and torch's matrix product as a bound.

    torch_lstm.py training --sizes 128 --lanes 32 --window 64 [--bfloat16] [--compiled]     tokens per second
    torch_lstm.py writing --sizes 128 [--core gru] [--compiled]                             characters per second
    torch_lstm.py product [--bfloat16]                                      operations per second, 2048 x 2048 x 2048

A training step includes embedding, `nn.LSTM`, linear layer, loss, gradients, clipping and fused AdamW. `torch.compile`
does not compile the inside of `nn.LSTM`, only the operations around it; unrolling 64 steps took more than three minutes
to compile. Generation carries the state from character to character. The compiled version is one function per character
with an explicit LSTM cell, since `nn.LSTM` would not be compiled.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor, nn

from serving import best_rate, median_rate, serve

SYMBOLS, EMBEDDING, TEMPERATURE = 59, 32, 0.5
PRODUCT = 2048
State = tuple[Tensor, Tensor]


class Model(nn.Module):
    """Embedding, `torch.nn.LSTM` and a linear layer."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, sizes[0], num_layers=len(sizes), batch_first=True)
        self.head = nn.Linear(sizes[-1], SYMBOLS)

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits and the final state."""
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.head(hidden), state


def training(sizes: list[int], lanes: int, window: int, *, bfloat16: bool, compiled: bool) -> Callable[[], None]:
    """Return a function that runs one training step."""
    model = Model(sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    tokens, targets = torch.randint(0, SYMBOLS, (2, lanes, window))
    kept = [(torch.zeros(len(sizes), lanes, sizes[0]), torch.zeros(len(sizes), lanes, sizes[0]))]

    def loss_of(tokens: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits, state = model(tokens, state)
            return nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten()), state

    forward = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        loss, (hidden, cell) = forward(tokens, targets, kept[0])
        kept[0] = hidden.detach(), cell.detach()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        loss.item()

    return step


def writing(core: str, sizes: list[int]) -> Callable[[], None]:
    """Return a function that generates 32 characters with `nn.LSTM` or `nn.GRU`."""
    network = (nn.LSTM if core == "lstm" else nn.GRU)(SYMBOLS, sizes[0], num_layers=len(sizes))
    head, rows = nn.Linear(sizes[-1], SYMBOLS), torch.eye(SYMBOLS)
    token, state = torch.zeros(1, dtype=torch.long), None

    def write() -> None:
        nonlocal token, state
        for _ in range(32):
            output, state = network(rows[token], state)
            token = torch.multinomial(torch.softmax(head(output[-1]) / TEMPERATURE, dim=-1), 1)
            int(token)

    return write


def compiled_writing(sizes: list[int]) -> Callable[[], None]:
    """Return the same function with one compiled call per character."""
    cells = [nn.LSTMCell(inputs, size) for inputs, size in zip([SYMBOLS, *sizes], sizes, strict=False)]
    table, head = cells[0].weight_ih.t().contiguous(), nn.Linear(sizes[-1], SYMBOLS)

    def following(token: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        new: list[State] = []
        for index, (cell, (hidden, kept)) in enumerate(zip(cells, state, strict=True)):
            below = table[token] if index == 0 else nn.functional.linear(new[-1][0], cell.weight_ih)
            gates = below + cell.bias_ih + nn.functional.linear(hidden, cell.weight_hh, cell.bias_hh)
            take, keep, add, give = gates.chunk(4, 1)
            kept = torch.sigmoid(keep) * kept + torch.sigmoid(take) * torch.tanh(add)
            new.append((torch.sigmoid(give) * torch.tanh(kept), kept))
        chances = torch.softmax(head(new[-1][0]) / TEMPERATURE, dim=-1)
        return torch.multinomial(chances, 1)[:, 0], new

    step = torch.compile(following)
    token, state = torch.zeros(1, dtype=torch.long), [(torch.zeros(1, size), torch.zeros(1, size)) for size in sizes]

    def write() -> None:
        nonlocal token, state
        for _ in range(32):
            token, state = step(token, state)
            int(token)

    return write


def product(*, bfloat16: bool) -> Callable[[], object]:
    """Return a function that computes a large matrix product."""
    kind = torch.bfloat16 if bfloat16 else torch.float32
    left, right = torch.randn(2, PRODUCT, PRODUCT).to(kind)
    out = torch.empty_like(left)
    return lambda: torch.mm(left, right, out=out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=("training", "writing", "product"))
    parser.add_argument("--core", choices=("lstm", "gru"), default="lstm")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128])
    parser.add_argument("--lanes", type=int, default=32)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    if options.work == "training":
        step = training(
            options.sizes, options.lanes, options.window, bfloat16=options.bfloat16, compiled=options.compiled
        )
        serve(median_rate(step, options.lanes * options.window))
    with torch.inference_mode():
        if options.work == "product":
            serve(best_rate(product(bfloat16=options.bfloat16), 2 * PRODUCT**3))
        elif options.work == "writing":
            write = compiled_writing(options.sizes) if options.compiled else writing(options.core, options.sizes)
            serve(median_rate(write, 32))


if __name__ == "__main__":
    main()
