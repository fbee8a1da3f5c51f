"""Whether a generated drawing is of the requested class, as judged by a network trained on real drawings.

The judge is a small convolutional network that classifies pictures of 20 easy classes of Quick, Draw!. Five judges are
trained, each on four fifths of the real drawings; the remaining fifth gives its accuracy on real ones. All drawings
that the run generates for a class are shown to all judges.

    python benchmarks/drawing_classes.py RUN QUICKDRAW.ndjson

The run is one that was trained with `--category word`, for example by `benchmarks/drawings.py` with `--runs`.
"""

import argparse
import statistics
from collections.abc import Sequence

import numpy as np
import torch
from markdown import print_table
from PIL import Image, ImageDraw
from torch import Tensor, nn

import seqloom
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.drawings import GRID, Drawing

CLASSES = (
    "apple", "bicycle", "bowtie", "candle", "circle", "cloud", "envelope", "eyeglasses", "fish", "flower", "house",
    "ladder", "line", "mountain", "smiley face", "square", "stairs", "star", "triangle", "umbrella",
)  # fmt: skip
NUM_FOLDS = 5
SIDE, ENLARGED = 32, 4
EPOCHS, BATCH_SIZE = 120, 64


def pictures(drawings: Sequence[Drawing], random: np.random.Generator | None = None) -> Tensor:
    """Return pictures [drawings, 1, side, side]; with a random generator, each is turned, stretched and moved."""
    images = []
    for drawing in drawings:
        transform, offset = np.eye(2) * 0.85, np.zeros(2)
        if random is not None:
            angle, scale = random.normal(0, 0.12), 0.85 * random.uniform(0.75, 1.1, 2)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            transform, offset = turn * scale, random.uniform(-0.05, 0.05, 2)
        image = Image.new("L", (SIDE * ENLARGED, SIDE * ENLARGED))
        draw = ImageDraw.Draw(image)
        for stroke in drawing.strokes:
            points = (np.array(stroke) / (GRID - 1) - 0.5) @ transform + 0.5 + offset
            placed = [tuple(point) for point in (points * SIDE * ENLARGED).tolist()]
            draw.line(placed if len(placed) > 1 else placed * 2, fill=255, width=2 * ENLARGED)
        images.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) / 255)
    return torch.tensor(np.stack(images)[:, None], dtype=torch.float32)


def new_judge() -> nn.Module:
    """Return an untrained network from pictures to classes."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 24), (24, 48), (48, 96)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    width = 96 * (SIDE // 8) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(width, len(CLASSES)))


def trained_judge(drawings: Sequence[Drawing], labels: Tensor, seed: int) -> nn.Module:
    """Return a judge trained on drawings, which are altered differently in each epoch."""
    torch.manual_seed(seed)
    random, judge = np.random.default_rng(seed), new_judge()
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.02)
    num_steps = EPOCHS * -(-len(drawings) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=num_steps)
    for _ in range(EPOCHS):
        images = pictures(drawings, random)
        for batch in torch.randperm(len(drawings)).split(BATCH_SIZE):
            loss = nn.functional.cross_entropy(judge(images[batch]), labels[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return judge.eval()


def accuracy(judge: nn.Module, drawings: Sequence[Drawing], labels: Tensor) -> float:
    """Return the share of drawings that a judge classifies as labelled."""
    with torch.no_grad():
        return float((judge(pictures(drawings)).argmax(1) == labels).float().mean())


def real_drawings(source: str) -> tuple[list[Drawing], list[int]]:
    """Return the real drawings of the classes, and the index of each one's class."""
    drawings, labels = [], []
    for document in open_corpus(source, ReadingConfig(category=("word",))):
        word = document.conditions["word"]
        if word in CLASSES:
            drawings.append(document.payload)
            labels.append(CLASSES.index(word))
    return drawings, labels


def generated_drawings(
    run: seqloom.Run, temperature: float, guidance: float, count: int
) -> tuple[list[Drawing], list[int]]:
    """Return `count` drawings of each class, and their labels."""
    drawings, labels = [], []
    for index, word in enumerate(CLASSES):
        samples = run.samples(count=count, rating=word, temperature=temperature, guidance=guidance, length=300)
        new = [drawing for sample in samples if (drawing := run.codec.decode(sample.tokens)).strokes]
        drawings += new
        labels += [index] * len(new)
    return drawings, labels


def main() -> None:
    """Train the judges, show them the drawings, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="+")
    parser.add_argument("source")
    parser.add_argument("--count", type=int, default=25)
    args = parser.parse_args()
    real, real_labels = real_drawings(args.source)
    fold = np.random.default_rng(0).permutation(len(real)) % NUM_FOLDS
    judges, on_real = [], []
    for number in range(NUM_FOLDS):
        inside, outside = (np.flatnonzero(mask).tolist() for mask in (fold == number, fold != number))
        judge = trained_judge([real[i] for i in outside], torch.tensor([real_labels[i] for i in outside]), number)
        judges.append(judge)
        on_real.append(accuracy(judge, [real[i] for i in inside], torch.tensor([real_labels[i] for i in inside])))
    mean_real = statistics.fmean(on_real)
    rows = [["real, held out from the judge", f"{len(real)}", f"{mean_real:.1%}", ""]]
    for temperature, guidance in ((1.0, 1.0), (0.5, 1.0), (0.3, 1.0), (0.2, 1.0), (0.5, 2.0), (0.3, 2.0), (0.3, 3.0)):
        shares = []
        for path in args.run:
            drawings, labels = generated_drawings(seqloom.load(path), temperature, guidance, args.count)
            shares.append(statistics.fmean(accuracy(judge, drawings, torch.tensor(labels)) for judge in judges))
        share, number = statistics.median(shares), len(CLASSES) * args.count
        rows.append(
            [
                f"generated, temperature {temperature:g}, guidance {guidance:g}",
                f"{number}",
                f"{share:.1%}",
                f"{share / mean_real:.0%}",
            ]
        )
    print_table(["drawings", "number", "classified as requested", "share of the accuracy on real ones"], rows)


if __name__ == "__main__":
    main()
