"""Tunes in ABC notation in other keys, spelled as a musician would."""

from seqloom.corpora.abc.keys import LETTERS, Key, accidental_mark, natural_step, parse_key
from seqloom.corpora.abc.tokens import NOTE, Token, tokens_of

__all__ = ["transposed_tune"]


def transposed_tune(text: str, semitones: int) -> str | None:
    """Return a tune in normal form in a key that is some semitones higher; None if it cannot be spelled.

    A note of the scale stays a note of the scale, so it needs no accidental. Other notes keep their distance from the
    scale.
    """
    spelling: _Spelling | None = None
    parts: list[str] = []
    for token in tokens_of(text):
        part: str | None = token.text
        key_text = _key_of(token)
        if key_text is not None:
            key = parse_key(key_text)
            if key is None:
                return None
            spelling = _Spelling(key, key.transposed(semitones), semitones)
            part = token.text.replace(key_text, str(spelling.new_key), 1)
        elif token.kind == "note" and spelling is not None:
            part = spelling.note(token.text)
        elif token.kind == "chord":
            continue  # the names of accompanying chords would have to be transposed, too
        if part is None:
            return None
        parts.append(part)
    return "".join(parts)


def _key_of(token: Token) -> str | None:
    """Return the value of a field with a key."""
    if token.kind == "field" and token.text.startswith("K:"):
        return token.text[2:].strip()
    if token.kind == "inline" and token.text.startswith("[K:"):
        return token.text[3:-1].strip()
    return None


class _Spelling:
    """The change from one key to another of the same mode.

    Args:
        old_key: key of the tune.
        new_key: key of its transposition.
        semitones: distance from the one to the other.
    """

    def __init__(self, old_key: Key, new_key: Key, semitones: int) -> None:
        self.new_key = new_key
        self._semitones = semitones
        self._old, self._new = old_key.alterations, new_key.alterations
        letters = (LETTERS.index(new_key.letter) - LETTERS.index(old_key.letter)) % 7
        # Of the distances in letters that lead to the new tonic, the one that fits the distance in semitones.
        self._letters = min(range(letters - 14, letters + 15, 7), key=lambda steps: abs(steps * 12 / 7 - semitones))

    def note(self, text: str) -> str | None:
        """Return a note in the new key; None if it would need more than a double accidental."""
        match = NOTE.fullmatch(text)
        if match is None:
            return None
        mark, letter, octaves = match.groups()
        place = LETTERS.index(letter.upper()) + 7 * (octaves.count("'") - octaves.count(",") + letter.islower())
        new_octave, index = divmod(place + self._letters, 7)
        name = LETTERS[index]
        if mark is None:
            return _spelled("", name, new_octave)
        sounding = natural_step(letter.upper()) + {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}[mark] + 12 * (place // 7)
        alteration = sounding + self._semitones - natural_step(name) - 12 * new_octave
        return _spelled(accidental_mark(alteration), name, new_octave) if -2 <= alteration <= 2 else None


def _spelled(mark: str, letter: str, octave: int) -> str:
    """Return a note; octave 0 is that of middle C."""
    if octave > 0:
        return f"{mark}{letter.lower()}{chr(39) * (octave - 1)}"
    return f"{mark}{letter}{',' * -octave}"
