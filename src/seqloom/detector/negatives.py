"""What a generator writes for a detector to learn from: as varied as what people may ask it for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.config import SamplingConfig
from seqloom.data.conditions import Category, Scale
from seqloom.detector.augmentation import words_of
from seqloom.detector.confounds import same_texts
from seqloom.generation.run_generators import RunGenerators
from seqloom.rating.generate import generate_rated
from seqloom.rating.request import RatingRequest
from seqloom.runs.saved_run import SavedRun

__all__ = ["generate_negatives"]

_WAYS: tuple[dict[str, Any], ...] = (
    {"temperature": 1.0},
    {"temperature": 1.0},
    {"temperature": 1.0, "top_p": 0.95},
    {"temperature": 1.1},
    {"temperature": 0.9},
    {"temperature": 0.9, "top_k": 40},
    {"temperature": 0.8},
    {"temperature": 0.8, "top_p": 0.9},
    {"temperature": 0.7},
    {"temperature": 0.6, "min_p": 0.02},
)
"""Ways of drawing that a generator's texts are spread over."""

_GUIDANCE = (1.0, 1.5, 2.0)
_TRIES = 4
"""How often texts are written in place of those that ended before they began."""


def generate_negatives(run: SavedRun, real: Sequence[str], count: int, seed: int, critic: Any = None) -> list[str]:
    """Write texts of all kinds.

    Args:
        run: the generator.
        real: real texts; a written one is no longer than nearly all of them.
        count: how many.
        seed: of all draws.
        critic: what filters a part of the texts of a rated run, by their rating; None filters none.

    Returns:
        Texts of at least a word, without those that stand among the real ones too, as they teach nothing: fewer than
        `count` where there are such.
    """
    longest = int(np.quantile([len(run.normalize(text)) for text in real], 0.98)) + 1
    sample = [run.codec.encode(run.normalize(text), skip_unknown=True) for text in real[:200]]
    tokens = 8 + longest * sum(map(len, sample)) // max(1, sum(len(text) for text in real[:200]))
    random = np.random.default_rng(seed)
    generators = RunGenerators(run)
    found: list[str] = []
    for number, way in enumerate(_WAYS):
        wanted = count // len(_WAYS) + (number < count % len(_WAYS))
        for told, share in _told(run, wanted, critic, random):
            some: list[str] = []
            for _ in range(_TRIES):
                if len(some) < share:
                    draws = int(random.integers(1 << 31))
                    config = SamplingConfig(length=tokens, seed=draws, **way)
                    written = _written(generators, told, config, share - len(some))
                    some += [text.strip() for text in written if words_of(text)]
            found += some
    taken = set(same_texts(real, found))
    return [text for text in found if text not in taken]


def _written(
    generators: RunGenerators, condition: Mapping[str, Any], config: SamplingConfig, count: int
) -> Iterator[str]:
    """Yield generated texts: filtered by a critic where the condition names one."""
    if "critic" in condition:
        return (one.sample.text for one in generate_rated(generators, RatingRequest(**condition), config, count=count))
    generator = generators.generator(**condition)
    return (one.text for one in generator.generate(generator.prompt(""), config, count=count))


def _told(run: SavedRun, count: int, critic: Any, random: np.random.Generator) -> list[tuple[dict[str, Any], int]]:
    """What a rated run is told, and for how many texts: nothing, or a rating that its corpus has.

    With a critic, every second of the ratings is written to with its filter too.
    """
    conditions = run.config.conditions
    if not len(conditions) or count == 0:
        return [({}, count)] if count else []
    made = []
    parts = min(count, 6)
    for part in range(parts):
        wanted = {column.name: _drawn(column, random) for column in conditions}
        guidance = _GUIDANCE[part % len(_GUIDANCE)]
        told = {"rating": wanted, "guidance": guidance}
        if critic is not None and part % 2 == 0:
            methods = ("conditioning", "guidance", "rejection") if guidance > 1 else ("conditioning", "rejection")
            told = {"rating": wanted, "critic": critic, "methods": methods}
            told |= {"guidance": guidance} if guidance > 1 else {}
        made.append((told if part else {}, count // parts + (part < count % parts)))
    return made


def _drawn(column: Scale | Category, random: np.random.Generator) -> float | str:
    """A rating as often as texts have it, or a name."""
    if isinstance(column, Category):
        return str(random.choice(column.values))
    shares = np.array(column.shares or [1.0] * len(column.knots))
    return float(random.choice(column.knots, p=shares / shares.sum()))
