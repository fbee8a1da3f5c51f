"""A strict parser of tunes in ABC notation, standard 2.1: bars, notes, and everything that is wrong.

The parser covers tunes with one voice. It reads on after a fault, so that a tune with one slip can still be heard.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from seqloom.corpora.abc.keys import LETTERS, Key, natural_step, parse_key
from seqloom.corpora.abc.tokens import NOTE, Token, tokens_of

__all__ = ["Bar", "ParsedTune", "TimedNote", "parse_tune"]

_BEATS = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})")
_KEY_FIELDS, _METRE_FIELDS, _LENGTH_FIELDS = "K", "M", "L"
_BODY_FIELDS = set("IKLMmNPQRrsTUVWw")
_HEADER_FIELDS = _BODY_FIELDS | set("ABCDFGHOSXZ")
_PARTNERS = {")": "(", "]": "[", "}": "{"}
_COMPOUND = (6, 9, 12)
"""Number of beats of compound metres, such as 6/8."""

_MIDDLE_C_OCTAVE = 60
_MAX_UNITS = 64
"""Longest note in units of length; a longer one is a slip."""


class TimedNote(NamedTuple):
    """A note: start and duration in whole notes from the beginning of its bar, and MIDI pitch."""

    start: Fraction
    duration: Fraction
    pitch: int
    is_tied: bool = False  # to the next note of its pitch


@dataclass
class Bar:
    """The music between two bar lines.

    Attributes:
        metre: length of a bar in whole notes; None without a metre.
        notes: notes in order.
        length: duration of all notes and rests, in whole notes.
        opens: bar line before the music.
        closes: bar line after it.
        endings: numbers of the repeats that play this bar and those after it; empty for all.
    """

    metre: Fraction | None
    opens: str
    notes: list[TimedNote] = field(default_factory=list)
    length: Fraction = Fraction(0)
    closes: str = ""
    endings: tuple[int, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether the bar is as long as its metre; shorter at the beginning or end of a part."""
        if self.metre is None or self.length == self.metre:
            return True
        at_edge = self.opens != "|" or self.closes != "|" or bool(self.endings)
        return at_edge and self.length < self.metre


@dataclass
class ParsedTune:
    """A tune that was read.

    Attributes:
        fields: first value of each field, by its letter.
        bars: bars with notes or rests, in the order of the page.
        faults: what is wrong, with the position in the text; empty for a correct tune.
    """

    fields: Mapping[str, str]
    bars: list[Bar]
    faults: list[str]

    @property
    def fits_metre(self) -> bool:
        """Whether every bar has the length of its metre, except at the edges of parts."""
        return all(bar.is_full for bar in self.bars)


def parse_tune(text: str) -> ParsedTune:
    """Read a tune in normal form (see `abc.tokens`)."""
    reader = _Reader()
    for token in tokens_of(text):
        reader.read(token)
    return reader.finish()


class _Reader:
    """Reads the tokens of a tune one by one."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._faults: list[str] = []
        self._key = Key("C", 0, "maj")
        self._metre: Fraction | None = Fraction(1)
        self._unit = Fraction(1, 8)
        self._bars: list[Bar] = []
        self._bar = Bar(self._metre, opens="")
        self._accidentals: dict[int, int] = {}  # of this bar, by place (letter and octave)
        self._tied_accidentals: dict[int, int] = {}  # of notes that a tie leads into this bar
        self._is_compound = False
        self._brackets: list[Token] = []
        self._open = Counter[str]()  # number of open brackets of each form
        self._pending = _Pending()
        self._tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, and number of notes that it still has
        self._broken = Fraction(1)  # factor of the next note
        self._pending_alterations: dict[int, int] = {}  # of the notes whose length may still follow, by place
        self._tied: set[int] = set()  # pitches that the next note or chord must have

    def read(self, token: Token) -> None:
        """Read a token."""
        if token.kind in ("length", "broken", "tie"):
            getattr(self, f"_read_{token.kind}")(token)
            return
        in_chord = self._is_in("[")
        if not in_chord:
            self._flush()
        method = getattr(self, f"_read_{token.kind}", None)
        if method is not None:
            method(token)
        elif token.kind not in ("space", "line", "chord", "decoration"):
            self._fault(token, f"has {token.text!r}, which means nothing here")

    def finish(self) -> ParsedTune:
        """Return the tune."""
        self._flush()
        for bracket in self._brackets:
            self._fault(bracket, f"opens {bracket.text!r} and never closes it")
        if self._tuplet[1]:
            self._faults.append("the tune ends inside of a tuplet")
        if self._broken != 1:
            self._faults.append("the tune ends with a broken rhythm")
        self._end_bar("")
        if not any(bar.notes for bar in self._bars):
            self._faults.append("the tune has no notes")
        if "K" not in self._fields:
            self._faults.append("the tune has no key (K:)")
        return ParsedTune(self._fields, self._bars, self._faults)

    def _fault(self, token: Token, message: str) -> None:
        self._faults.append(f"position {token.position + 1} {message}")

    def _is_in(self, bracket: str) -> bool:
        return self._open[bracket] > 0

    def _read_field(self, token: Token) -> None:
        self._change(token, token.text[0], token.text[2:].strip())

    def _read_inline(self, token: Token) -> None:
        self._change(token, token.text[1], token.text[3:-1].strip())

    def _change(self, token: Token, name: str, value: str) -> None:
        """Apply a field."""
        if name not in (_HEADER_FIELDS if "K" not in self._fields else _BODY_FIELDS):
            self._fault(token, f"has the field {name}:, which is not defined here")
            return
        self._fields.setdefault(name, value)
        if name == _KEY_FIELDS:
            key = parse_key(value)
            if key is None:
                self._fault(token, f"has the key {value!r}, which is none of seven sharps or flats")
            self._key = key or self._key
            self._accidentals.clear()
        elif name == _METRE_FIELDS:
            self._change_metre(token, value)
        elif name == _LENGTH_FIELDS:
            match = _BEATS.fullmatch(value)
            if match is None or not int(match[2]):
                self._fault(token, f"has the unit {value!r}: a fraction is needed")
            else:
                self._unit = Fraction(int(match[1]), int(match[2]))

    def _change_metre(self, token: Token, value: str) -> None:
        match = _BEATS.fullmatch(value)
        if value in ("C", "C|"):
            self._metre = Fraction(1)
        elif value in ("", "none"):
            self._metre = None
        elif match is not None and int(match[1]) and int(match[2]):
            self._metre = Fraction(int(match[1]), int(match[2]))
        else:
            self._fault(token, f"has the metre {value!r}: a fraction, C or C| is needed")
        self._is_compound = match is not None and int(match[1]) in _COMPOUND
        if not self._bar.length:
            self._bar.metre = self._metre
        if self._metre is not None and not self._fields.keys() & {"L", "K"}:
            self._unit = Fraction(1, 16) if self._metre < Fraction(3, 4) else Fraction(1, 8)

    def _read_bar(self, token: Token) -> None:
        if self._brackets and (self._is_in("[") or self._is_in("{")):
            self._fault(token, "has a bar line inside of brackets")
        if self._tuplet[1]:
            self._fault(token, "has a bar line inside of a tuplet")
            self._tuplet = (Fraction(1), 0)
        self._end_bar(token.text)

    def _end_bar(self, line: str) -> None:
        """Close the bar, unless it is empty: then the bar line belongs to the one before."""
        self._accidentals.clear()
        if self._bar.length:
            self._bar.closes = line
            self._bars.append(self._bar)
            self._bar = Bar(self._metre, opens=line)
        else:
            opens = self._bar.opens + line if self._bar.opens != line else line
            self._bar = Bar(self._metre, opens=opens, endings=self._bar.endings)
            if self._bars and line:
                self._bars[-1].closes += line

    def _read_ending(self, token: Token) -> None:
        numbers: list[int] = []
        for part in token.text[1:].split(","):
            numbers += range(int(part[0]), int(part[-1]) + 1)  # "1-3" is 1 to 3; every number has one digit
        if self._bar.length or not self._bar.opens:
            self._fault(token, "has an ending that follows no bar line")
        self._bar.endings = tuple(numbers)

    def _read_tuplet(self, token: Token) -> None:
        if self._tuplet[1]:
            self._fault(token, "begins a tuplet inside of another one")
        parts = [int(part) if part else 0 for part in token.text[1:].split(":")]
        count, in_time_of, covered = (*parts, 0, 0)[:3]
        usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(count, 3 if self._is_compound else 2)
        self._tuplet = (Fraction(in_time_of or usual, count), covered or count)

    def _read_open(self, token: Token) -> None:
        if token.text[0] in "[{" and (self._is_in("[") or self._is_in("{")):
            self._fault(token, f"has {token.text!r} inside of other brackets")
        self._brackets.append(token)
        self._open[token.text[0]] += 1
        if token.text[0] == "[":
            self._pending = _Pending(token)

    def _read_close(self, token: Token) -> None:
        if not self._brackets or self._brackets[-1].text[0] != _PARTNERS[token.text]:
            self._fault(token, f"has {token.text!r} without its opening bracket")
            return
        self._open[self._brackets.pop().text[0]] -= 1
        if token.text == "]" and not self._pending.pitches:
            self._fault(token, "closes a chord without notes")
        self._pending.close()

    def _read_note(self, token: Token) -> None:
        pitch = self._pitch(token)
        if self._is_in("["):
            self._pending.pitches.append(pitch)
            self._pending.count_note()
        else:
            self._pending = _Pending(token, [pitch])

    def _read_rest(self, token: Token) -> None:
        self._pending = _Pending(token)

    def _read_bars(self, token: Token) -> None:
        self._pending = _Pending(token, unit=self._metre or Fraction(1))

    def _pitch(self, token: Token) -> int:
        match = NOTE.fullmatch(token.text)
        assert match is not None  # the pattern of the token is the same
        mark, letter, octaves = match.groups()
        octave = octaves.count("'") - octaves.count(",") + letter.islower()
        place = LETTERS.index(letter.upper()) + 7 * octave
        if mark:
            self._accidentals[place] = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}[mark]
        usual = self._tied_accidentals.get(place, self._key.alterations[letter.upper()])
        alteration = self._accidentals.get(place, usual)
        self._pending_alterations[place] = alteration
        pitch = _MIDDLE_C_OCTAVE + 12 * octave + natural_step(letter.upper()) + alteration
        if not 0 <= pitch <= 127:
            self._fault(token, f"has the note {token.text!r}, which no instrument plays")
        return min(127, max(0, pitch))

    def _read_length(self, token: Token) -> None:
        if self._pending.token is None:
            self._fault(token, f"has the length {token.text!r} without a note before it")
            return
        whole, slashes, part = token.text.partition("/")
        numerator = int(whole or 1)
        if slashes and part.strip("/"):
            factor = Fraction(numerator, int(part))
        else:
            factor = Fraction(numerator, 2 ** token.text.count("/"))
        if not 0 < factor <= _MAX_UNITS:
            self._fault(token, f"has the length {token.text!r}, which is too long")
            factor = Fraction(1)
        if not self._pending.lengthen(factor, in_chord=self._is_in("[")):
            self._fault(token, f"has a second length, {token.text!r}")

    def _read_tie(self, token: Token) -> None:
        if not self._pending.pitches:
            self._fault(token, "has a tie without a note before it")
        self._pending.tied |= set(self._pending.pitches[-1:] if self._is_in("[") else self._pending.pitches)

    def _read_broken(self, token: Token) -> None:
        if self._pending.token is None or self._is_in("["):
            self._fault(token, "has a broken rhythm without a note before it")
            return
        part = Fraction(1, 2 ** len(token.text))
        own, following = (2 - part, part) if token.text[0] == ">" else (part, 2 - part)
        self._pending.factor *= own
        self._flush()
        self._broken = following

    def _flush(self) -> None:
        """Put the pending note, chord or rest into the bar."""
        pending, self._pending = self._pending, _Pending()
        if pending.token is None or (pending.token.text == "[" and not pending.is_closed):
            return
        if self._is_in("{"):
            return  # grace notes take no time
        factor, left = self._tuplet
        duration = pending.length * (pending.unit or self._unit) * pending.factor * self._broken
        if left:
            duration *= factor
            self._tuplet = (factor, left - 1)
        self._broken = Fraction(1)
        if self._tied and not self._tied <= set(pending.pitches):
            self._fault(pending.token, "follows a tie, but does not have its pitch")
        self._tied = pending.tied
        self._tied_accidentals = self._pending_alterations if pending.tied else {}
        self._pending_alterations = {}
        self._bar.notes += [
            TimedNote(self._bar.length, duration, pitch, pitch in pending.tied)
            for pitch in dict.fromkeys(pending.pitches)
        ]
        self._bar.length += duration


class _Pending:
    """A note, chord or rest whose length may still follow."""

    def __init__(
        self, token: Token | None = None, pitches: Sequence[int] = (), *, unit: Fraction | None = None
    ) -> None:
        self.token, self.pitches, self.unit = token, list(pitches), unit
        self.length = self.factor = Fraction(1)
        self.tied: set[int] = set()
        self.is_closed = False
        self._has_length = False
        self._num_notes = 0

    def count_note(self) -> None:
        """Begin the next note of a chord, which may have a length of its own."""
        self._num_notes += 1
        self._has_length = False

    def close(self) -> None:
        """End a chord, which may have a length as a whole."""
        self.is_closed = True
        self._has_length = False

    def lengthen(self, factor: Fraction, *, in_chord: bool) -> bool:
        """Multiply the length; return False if there is a length already. The first note of a chord decides."""
        if self._has_length:
            return False
        self._has_length = True
        if not in_chord or self._num_notes == 1:
            self.length *= factor
        return True
