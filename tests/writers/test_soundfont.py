"""Music rendered with a soundfont: one whose only sound is a sine wave."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from seqloom.corpora.music import Note, normalized_music
from seqloom.errors import ConfigError
from seqloom.writers.soundfont import render_with_soundfont

RATE = 44_100
MUSIC = normalized_music([Note(0, 69, 48), Note(48, 57, 48)], [])


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def chunks(kind: bytes, *parts: bytes) -> bytes:
    return chunk(b"LIST", kind + b"".join(parts))


def named(name: str, *numbers: int, form: str) -> bytes:
    return name.encode().ljust(20, b"\0") + struct.pack(form, *numbers)


def soundfont() -> bytes:
    """A soundfont with one looped sine wave of 441 Hz, which is the pitch 69 (A4)."""
    size = 800
    samples = [int(20_000 * math.sin(2 * math.pi * index / 100)) for index in range(size)] + [0] * 46
    information = chunks(
        b"INFO", chunk(b"ifil", struct.pack("<HH", 2, 1)), chunk(b"isng", b"EMU8000\0"), chunk(b"INAM", b"sine\0\0")
    )
    wave = chunks(b"sdta", chunk(b"smpl", struct.pack(f"<{len(samples)}h", *samples)))
    parts = {
        b"phdr": named("sine", 0, 0, 0, 0, 0, 0, form="<HHHIII") + named("EOP", 0, 0, 1, 0, 0, 0, form="<HHHIII"),
        b"pbag": struct.pack("<4H", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<4H", 41, 0, 0, 0),
        b"inst": named("sine", 0, form="<H") + named("EOI", 1, form="<H"),
        b"ibag": struct.pack("<4H", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<6H", 54, 1, 53, 0, 0, 0),
        b"shdr": named("sine", 0, size, 0, size, RATE, 69, 0, 0, 1, form="<IIIIIBbHH")
        + named("EOS", form="")
        + bytes(26),
    }
    described = chunks(b"pdta", *[chunk(name, data) for name, data in parts.items()])
    return chunk(b"RIFF", b"sfbk" + information + wave + described)


def loudest(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * RATE / len(samples))


def test_the_sound_is_that_of_the_soundfont(tmp_path: Path) -> None:
    path = tmp_path / "sine.sf2"
    path.write_bytes(soundfont())
    samples = render_with_soundfont(MUSIC, path, RATE)
    assert samples.shape[0] == 2
    assert 0 < np.abs(samples).max() <= 0.9
    assert loudest(samples[0, :RATE]) == pytest.approx(441, abs=2)
    assert loudest(samples[0, RATE : 2 * RATE]) == pytest.approx(220.5, abs=2)


def test_what_is_no_soundfont_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        render_with_soundfont(MUSIC, tmp_path / "none.sf2", RATE)
    (tmp_path / "text.sf2").write_text("no soundfont")
    with pytest.raises(ConfigError, match="is no soundfont: choose a file in the format SF2"):
        render_with_soundfont(MUSIC, tmp_path / "text.sf2", RATE)
