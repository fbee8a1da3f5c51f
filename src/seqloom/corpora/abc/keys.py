"""Keys of ABC notation: their signatures, their normal form, and their transposition."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

__all__ = ["LETTERS", "Key", "accidental_mark", "natural_step", "parse_key"]

LETTERS = "CDEFGAB"
_NATURAL_STEPS = (0, 2, 4, 5, 7, 9, 11)
_SHARP_ORDER = "FCGDAEB"
_MAX_SIGNATURE = 7

_MODES = {"maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "phr": -4, "loc": -5}
"""Number of sharps that a mode has more than the major key of the same tonic, by the first letters of its name."""

_PATTERN = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")


@dataclass(frozen=True)
class Key:
    """A key: tonic and mode.

    Attributes:
        letter: letter of the tonic, A to G.
        alteration: -1 for a flat tonic, 1 for a sharp one, else 0.
        mode: three letters: maj, min, dor, phr, lyd, mix or loc.
    """

    letter: str
    alteration: int
    mode: str

    def __str__(self) -> str:
        return f"{self.letter}{('', '#', 'b')[self.alteration]}{self.mode}"

    @property
    def num_sharps(self) -> int:
        """Number of sharps of the signature; negative for flats."""
        return _SHARP_ORDER.index(self.letter) - 1 + 7 * self.alteration + _MODES[self.mode]

    @cached_property
    def alterations(self) -> Mapping[str, int]:
        """Alteration of each letter by the signature, in semitones."""
        sharps = self.num_sharps
        altered = _SHARP_ORDER[:sharps] if sharps > 0 else _SHARP_ORDER[7 + sharps :] if sharps < 0 else ""
        return {letter: (sharps > 0) - (sharps < 0) if letter in altered else 0 for letter in LETTERS}

    @property
    def tonic_step(self) -> int:
        """Semitones from C up to the tonic, 0 to 11."""
        return (natural_step(self.letter) + self.alteration) % 12

    @classmethod
    def of_signature(cls, num_sharps: int, mode: str) -> "Key":
        """Return the key of a mode with a number of sharps; negative for flats."""
        return next(
            key
            for letter in LETTERS
            for alteration in (-1, 0, 1)
            if (key := cls(letter, alteration, mode)).num_sharps == num_sharps
        )

    def transposed(self, semitones: int) -> "Key":
        """Return the key of the same mode whose tonic is some semitones higher, with the smallest signature."""
        step = (self.tonic_step + semitones) % 12
        keys = [
            Key(letter, alteration, self.mode)
            for letter in LETTERS
            for alteration in (-1, 0, 1)
            if (natural_step(letter) + alteration) % 12 == step
        ]
        return min(keys, key=lambda key: abs(key.num_sharps))


def parse_key(text: str) -> Key | None:
    """Return the key of a `K:` field; None if the field is no key of up to seven sharps or flats.

    Words after the key, such as a clef, do not matter; changed signatures (`exp`, `^f`) and `none` are no keys.
    """
    match = _PATTERN.match(text.strip())
    if match is None:
        return None
    letter, sign, word = match[1], match[2], match[3].lower()
    rest = text.strip()[match.end() :]
    if rest.startswith("="):  # the word is a setting, such as clef=bass
        word = rest = ""
    mode = "maj" if not word else "min" if word == "m" else word[:3]
    mode = {"ion": "maj", "aeo": "min"}.get(mode, mode)
    if mode not in _MODES or re.search(r"(?:^|\s)[\^_=]+[A-Ga-g]", rest):
        return None
    key = Key(letter, {"": 0, "#": 1, "b": -1}[sign], mode)
    return key if abs(key.num_sharps) <= _MAX_SIGNATURE else None


def natural_step(letter: str) -> int:
    """Return the semitones from C up to a natural note, 0 to 11."""
    return _NATURAL_STEPS[LETTERS.index(letter)]


def accidental_mark(alteration: int) -> str:
    """Return the mark of an alteration of -2 to 2 semitones, such as "^" for 1 and "=" for 0."""
    return ("=", "^", "^^", "__", "_")[alteration]
