"""Interchangeable parts by name, each as "module:object", so that nothing is imported before it is used.

Another distribution adds a part with an entry point in the group of a registry, for example

    [project.entry-points."seqloom.codecs"]
    phoneme = "my_package.phonemes:PhonemeCodec"

Reading the entry points takes time. A look-up therefore reads them only if the name is not built in.
"""

import functools
import importlib
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from operator import attrgetter
from typing import Any

from seqloom.errors import ConfigError

__all__ = [
    "CODECS",
    "CORES",
    "FORMATS",
    "GAN_LOSSES",
    "HEADS",
    "TRANSFORMS",
    "WRITERS",
    "Registry",
    "check_name",
    "import_part",
    "resolve",
    "unknown_name",
]


class Registry(Mapping[str, str]):
    """Names and locations of interchangeable parts, of seqloom and of other distributions.

    A part of another distribution cannot replace a built-in part of the same name. Iteration and `len` read the entry
    points; a look-up reads them only for a name that is not built in.

    Args:
        built_in: location ("module:object") of each part of seqloom, by name.
        group: entry point group for parts of other distributions; None allows none.
        lower_case: whether the names of parts of other distributions are converted to lower case.
    """

    def __init__(self, built_in: Mapping[str, str], group: str | None = None, *, lower_case: bool = False) -> None:
        self.built_in = dict(built_in)
        self.group = group
        self._lower_case = lower_case

    def __getitem__(self, name: str) -> str:
        return self.built_in[name] if name in self.built_in else self._plugins()[name]

    def __iter__(self) -> Iterator[str]:
        plugins = self._plugins()
        return iter({**plugins, **self.built_in} if plugins else self.built_in)

    def __len__(self) -> int:
        return len({*self.built_in, *self._plugins()})

    def _plugins(self) -> Mapping[str, str]:
        plugins = {} if self.group is None else _entry_points(self.group, tuple(sys.path))
        return {name.lower(): place for name, place in plugins.items()} if self._lower_case else plugins


CODECS = Registry(
    {
        "char": "seqloom.codecs.chars:CharCodec",
        "byte": "seqloom.codecs.bytes:ByteCodec",
        "word": "seqloom.codecs.words:WordCodec",
        "subword": "seqloom.codecs.subwords:SubwordCodec",
        "midi-like": "seqloom.codecs.midi_tokens:MidiLikeCodec",
        "tsd": "seqloom.codecs.midi_tokens:TsdCodec",
        "remi": "seqloom.codecs.midi_tokens:RemiCodec",
        "abc": "seqloom.codecs.abc:AbcCodec",
        "points": "seqloom.codecs.points:PointsCodec",
        "strokes": "seqloom.codecs.strokes:StrokesCodec",
        "pianoroll": "seqloom.codecs.piano_roll:PianoRollCodec",
    },
    group="seqloom.codecs",
)
"""Codecs, which convert text or music to token ids and back, by level (the unit that a token stands for)."""

FORMATS = Registry(
    {
        "text": "seqloom.corpora.formats.text:TextFile",
        ".txt": "seqloom.corpora.formats.text:TextFile",
        ".md": "seqloom.corpora.formats.text:TextFile",
        ".csv": "seqloom.corpora.formats.delimited:CsvFile",
        ".tsv": "seqloom.corpora.formats.delimited:TsvFile",
        ".tab": "seqloom.corpora.formats.delimited:TsvFile",
        ".jsonl": "seqloom.corpora.formats.jsonl:JsonLinesFile",
        ".ndjson": "seqloom.corpora.formats.jsonl:JsonLinesFile",
        ".parquet": "seqloom.corpora.formats.parquet:ParquetFile",
        ".npz": "seqloom.corpora.formats.stroke_arrays:StrokeArrays",
        ".svg": "seqloom.corpora.formats.svg:SvgFile",
        "quick-draw": "seqloom.corpora.formats.quick_draw:QuickDrawFile",
        ".abc": "seqloom.corpora.formats.abc:AbcFile",
        ".mid": "seqloom.corpora.formats.midi:MidiFile",
        ".midi": "seqloom.corpora.formats.midi:MidiFile",
    },
    group="seqloom.formats",
    lower_case=True,
)
"""File formats by suffix in lower case. "text" is the format of files with any other suffix, and "quick-draw" that of
JSON lines with drawings."""

CORES = Registry(
    {
        "lstm": "seqloom.kernels.cores.lstm:SPEC",
        "gru": "seqloom.kernels.cores.gru:SPEC",
        "conv": "seqloom.kernels.cores.conv:SPEC",
    },
    group="seqloom.cores",
)
"""Cores: the recurrent or convolutional layers between the embedding and the output layer."""

GAN_LOSSES = Registry(
    {
        "relativistic": "seqloom.gan.losses:Relativistic",
        "wasserstein": "seqloom.gan.losses:Wasserstein",
        "score": "seqloom.gan.losses:ScoreFunction",
    }
)
"""Adversarial losses of a text GAN; other distributions cannot add any."""

HEADS = Registry(
    {
        "softmax": "seqloom.kernels.heads.softmax:SPEC",
        "mixture-density": "seqloom.kernels.heads.mixture_density:SPEC",
    },
    group="seqloom.heads",
)
"""Heads: the output layers."""

WRITERS = Registry(
    {
        "music.mid": "seqloom.writers.midi:write_midi",
        "music.abc": "seqloom.writers.music_abc:write_music_abc",
        "music.wav": "seqloom.writers.wave:write_wave",
        "music.png": "seqloom.plots.piano_roll:write_piano_roll",
        "drawings.svg": "seqloom.writers.drawing_svg:write_drawing_svg",
        "drawings.png": "seqloom.plots.drawings:write_drawing_png",
        "drawings.npz": "seqloom.writers.stroke_arrays:write_stroke_arrays",
        "tunes.abc": "seqloom.writers.abc:write_abc",
        "tunes.mid": "seqloom.writers.midi:write_midi",
        "tunes.wav": "seqloom.writers.wave:write_wave",
        "tunes.png": "seqloom.plots.piano_roll:write_piano_roll",
    },
    group="seqloom.writers",
)
"""Writers of generated samples that are no text, by kind and suffix: functions of a payload and a path."""

TRANSFORMS = Registry(
    {
        "bias": "seqloom.sampling.transforms:BIAS",
        "bans": "seqloom.sampling.transforms:BANS",
        "repetition": "seqloom.sampling.penalties:REPETITION",
        "frequency": "seqloom.sampling.penalties:FREQUENCY",
        "presence": "seqloom.sampling.penalties:PRESENCE",
        "dry": "seqloom.sampling.penalties:DRY",
        "top_n_sigma": "seqloom.sampling.adaptive_filters:TOP_N_SIGMA",
        "temperature": "seqloom.sampling.transforms:TEMPERATURE",
        "top_k": "seqloom.sampling.transforms:TOP_K",
        "typical": "seqloom.sampling.transforms:TYPICAL",
        "top_p": "seqloom.sampling.transforms:TOP_P",
        "min_p": "seqloom.sampling.transforms:MIN_P",
        "xtc": "seqloom.sampling.adaptive_filters:XTC",
        "mirostat": "seqloom.sampling.adaptive_filters:MIROSTAT",
    },
    group="seqloom.transforms",
)
"""Sampling transforms, which change the logits before a token is drawn, in the order in which they run.

A transform of another distribution runs at the `position` of its `sampling.transform.TransformSpec`.
"""


def resolve(kind: str, name: str, registered: Mapping[str, str]) -> Any:
    """Import and return a part.

    Args:
        kind: word for the part in messages, such as "core" or "level".
        name: registered name.
        registered: one of this module's registries.

    Raises:
        ConfigError: no part has that name, or it names a part of another distribution that cannot be imported.
    """
    if name not in registered:
        raise ConfigError(unknown_name(kind, name, registered))
    location = registered[name]
    try:
        return import_part(location)
    except (Exception, SystemExit) as error:
        if isinstance(registered, Registry) and name not in registered.built_in:
            reason = (
                str(error) if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
            )
            raise ConfigError(
                f"the {kind} '{name}' cannot be imported from {location}: {reason}; install its package again"
            ) from error
        raise


def import_part(location: str) -> Any:
    """Import and return the object at a location, "module:object"."""
    module, _, attribute = location.partition(":")
    return attrgetter(attribute)(importlib.import_module(module))


def check_name(kind: str, name: str, choices: Mapping[str, Any]) -> tuple[bool, str]:
    """Check a name: return whether it is among the choices and, if not, the error message, for `config.validate`.

    Only an unknown name needs the message. The message lists all choices, for which it reads the entry points: that
    takes time.
    """
    return (True, "") if name in choices else (False, unknown_name(kind, name, choices))


def unknown_name(kind: str, name: str, choices: Mapping[str, Any]) -> str:
    """Return an error message for an unknown name, with the choices and the most similar of them."""
    similar = get_close_matches(name, choices, n=1)
    hint = f"; did you mean '{similar[0]}'?" if similar else ""
    return f"unknown {kind} '{name}': choose from {', '.join(choices)}{hint}"


@functools.lru_cache
def _entry_points(group: str, path: tuple[str, ...]) -> Mapping[str, str]:
    """Return the locations of the parts in an entry point group, by name.

    `path` must be the current `sys.path`, which decides where packages are found. It is an argument only so that the
    cache has a separate entry for every value of `sys.path`.
    """
    import importlib.metadata  # slow, and rarely needed

    points = importlib.metadata.entry_points(group=group)
    return {point.name: f"{point.module}:{point.attr}" for point in points}
