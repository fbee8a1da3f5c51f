"""Render music with the instruments of a soundfont, by the package symusic."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.corpora.formats.midi import import_symusic, symusic_score
from seqloom.corpora.music import MusicPayload
from seqloom.errors import ConfigError
from seqloom.writers.soundfont_file import check_soundfont

__all__ = ["render_with_soundfont"]

_PEAK = 0.9


def render_with_soundfont(music: MusicPayload, soundfont: Path, sample_rate: int) -> Float[np.ndarray, "2 samples"]:
    """Return the sound of both channels as samples from -1 to 1.

    Args:
        music: music.
        soundfont: file in the format SF2.
        sample_rate: samples per second.

    Raises:
        ConfigError: the file is no soundfont.
        SeqloomError: the package symusic is not installed.
    """
    check_soundfont(soundfont)
    symusic = import_symusic()
    try:
        synthesizer = symusic.Synthesizer(str(soundfont), sample_rate)
        samples = np.asarray(synthesizer.render(symusic_score(music), stereo=True), np.float64)
    except RuntimeError as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"`soundfont` got {soundfont}, which is damaged ({reason}): choose another file") from None
    peak = np.abs(samples).max(initial=0.0)
    return samples * (_PEAK / peak) if peak > _PEAK else samples
