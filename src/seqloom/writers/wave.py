"""Render music as sound with a small additive synthesiser: no soundfont and no further package is needed.

A note is a sum of harmonics whose strength falls with their number; the higher ones fade sooner, as those of a plucked
or struck string do. Percussion is filtered noise that fades quickly.
"""

import wave
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.corpora.music import DRUMS, STEPS_PER_QUARTER, MusicPayload, Note
from seqloom.files import replacing_file
from seqloom.writers.soundfont import render_with_soundfont

__all__ = ["SAMPLE_RATE", "render", "step_seconds", "write_wave"]

SAMPLE_RATE = 44_100
_NUM_HARMONICS = 7
_ATTACK_SECONDS, _RELEASE_SECONDS = 0.008, 0.08
_FADE_SECONDS = 1.6
"""Time in which the first harmonic of middle C falls to 1/e."""

_DRUM_SECONDS = 0.12
_PEAK = 0.9
_MAX_SECONDS = 3 * 3600.0


def write_wave(music: MusicPayload, path: Path, *, soundfont: Path | None = None) -> None:
    """Write a WAV file with 16 bits and 44.1 kHz: mono or, with a soundfont, stereo. It begins with the first sound.

    Args:
        music: music.
        path: path of the file.
        soundfont: file with instruments in the format SF2; None for the synthesiser of this module.

    Raises:
        ConfigError: the file is no soundfont.
        SeqloomError: the file cannot be written.
    """
    channels = render(music)[None] if soundfont is None else render_with_soundfont(music, soundfont, SAMPLE_RATE)
    first_sound = int((channels != 0).any(0).argmax())
    channels = channels[:, max(0, first_sound - 1) :]  # a sound begins with a sample of 0
    with replacing_file(path) as file, wave.open(file, "wb") as sound:
        sound.setnchannels(len(channels))
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes((channels.T * 32767).astype("<i2").tobytes())


def step_seconds(music: MusicPayload) -> Float[np.ndarray, " edges"]:
    """Return the time in seconds of each step, and of the end of the last one."""
    num_steps = music.num_steps
    tempos = np.full(num_steps, float(music.tempos[0].bpm))
    for tempo in music.tempos:
        tempos[tempo.start :] = tempo.bpm
    return np.concatenate([[0.0], np.cumsum(60 / STEPS_PER_QUARTER / tempos)])


def render(music: MusicPayload) -> Float[np.ndarray, " samples"]:
    """Return the sound as samples from -1 to 1; silence of a moment if there are no notes."""
    times = step_seconds(music)
    samples = np.zeros(round(min(times[-1], _MAX_SECONDS) * SAMPLE_RATE) + SAMPLE_RATE)
    random = np.random.default_rng(0)
    for note in music.notes:
        start, seconds = float(times[note.start]), float(times[note.end] - times[note.start])
        sound = _drum(note, random) if note.program == DRUMS else _tone(note, seconds)
        first = int(start * SAMPLE_RATE)
        part = samples[first : first + len(sound)]
        part += sound[: len(part)] * (note.velocity / 127)
    peak = np.abs(samples).max()
    return samples * (_PEAK / peak) if peak else samples


def _tone(note: Note, seconds: float) -> Float[np.ndarray, " samples"]:
    frequency = 440.0 * 2 ** ((note.pitch - 69) / 12)
    time = np.arange(int((seconds + _RELEASE_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE
    fade = _FADE_SECONDS * (261.6 / frequency) ** 0.5  # high strings fade sooner
    sound = np.zeros_like(time)
    for harmonic in range(1, _NUM_HARMONICS + 1):
        if harmonic * frequency < SAMPLE_RATE / 2:
            strength = np.exp(-time * harmonic / fade) / harmonic**1.5
            sound += strength * np.sin(2 * np.pi * harmonic * frequency * time)
    envelope = np.minimum(1, time / _ATTACK_SECONDS) * np.clip(
        (seconds + _RELEASE_SECONDS - time) / _RELEASE_SECONDS, 0, 1
    )
    shaped: Float[np.ndarray, " samples"] = sound * envelope
    return shaped


def _drum(note: Note, random: np.random.Generator) -> Float[np.ndarray, " samples"]:
    """Return noise for a drum; that of low pitches, such as the bass drum, is dull."""
    time = np.arange(int(_DRUM_SECONDS * 4 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = random.uniform(-1, 1, len(time))
    width = max(1, int(60 * 2 ** ((35 - note.pitch) / 6)))
    dull = np.convolve(noise, np.full(width, width**-0.5), "same")
    shaped: Float[np.ndarray, " samples"] = dull * np.exp(-time / _DRUM_SECONDS * 3)
    return shaped
