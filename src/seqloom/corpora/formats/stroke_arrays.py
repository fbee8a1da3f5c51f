"""Drawings in numpy archives (.npz): arrays of stroke-3, as sketch-rnn reads them.

A row of stroke-3 is a step to the right, a step down, and 1 where the pen is lifted after the step. An array is a
drawing. With a second array, whose name ends in `_offsets`, it holds many drawings, one after the other.
"""

import hashlib
import io
import itertools
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.drawings import Drawing, normalized_drawing
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format, whole_content
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns

__all__ = ["StrokeArrays", "drawing_of_steps"]

_MAX_BYTES = 2 << 30
_OFFSETS = "_offsets"
_MAX_POINTS = 10_000
"""Largest number of points of a drawing; a longer one is no sketch, and is skipped."""


@dataclass(frozen=True, kw_only=True)
class StrokeArrays(Format):
    """A numpy archive of drawings."""

    name = "stroke-3"
    payload_type = Drawing
    separates_documents = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read a file once, to hash it and to check that it has arrays of strokes."""
        content = whole_content(source_file, _MAX_BYTES, "numpy archive")
        if not any(True for _ in _steps(content, source_file.name)):
            raise Refused("archive without drawings", f"{source_file.name} has no array of shape (points, 3): {_HINT}")
        return cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield the drawings."""
        for steps in _steps(whole_content(self.source_file, _MAX_BYTES, "numpy archive"), self.source_file.name):
            drawing = drawing_of_steps(steps)
            if drawing is None:
                tally["drawing without extent, or with numbers that are not finite"] += 1
            elif drawing.num_points > _MAX_POINTS:
                tally["drawing of too many points"] += 1
            else:
                yield Document(drawing)


_HINT = "name an archive with arrays of stroke-3"
_PICKLED = (
    "has pickled arrays, which may run programs when they are read: convert it, in a Python of its own, by "
    "numpy.savez('new.npz', **{f'{part}{i}': numpy.asarray(d, 'f4') for part, a in numpy.load('old.npz', "
    "allow_pickle=True, encoding='latin1').items() for i, d in enumerate(a)})"
)


def _steps(content: bytes, name: str) -> Iterator[np.ndarray]:
    """Yield the steps of each drawing.

    Raises:
        Refused: the file is no archive of arrays, or has pickled ones.
    """
    arrays = _arrays(content, name)
    for key, array in arrays.items():
        if key.endswith(_OFFSETS) or array.ndim != 2 or array.shape[1] != 3:
            continue
        if array.dtype.kind not in "iufb":
            raise Refused("archive without drawings", f"{name}: {key} has the type {array.dtype}, no numbers: {_HINT}")
        offsets = arrays.get(f"{key}{_OFFSETS}")
        if offsets is None:
            yield array
            continue
        _check_offsets(offsets, len(array), f"{name}: {key}{_OFFSETS}")
        yield from (array[start:stop] for start, stop in itertools.pairwise(offsets.tolist()))


def _check_offsets(offsets: np.ndarray, num_rows: int, name: str) -> None:
    """Check that offsets divide all rows.

    Raises:
        Refused: they do not begin with 0, ascend, and end with the number of rows.
    """
    is_right = offsets.ndim == 1 and offsets.dtype.kind in "iu" and len(offsets) > 1
    if not is_right or offsets[0] != 0 or offsets[-1] != num_rows or (offsets[1:] < offsets[:-1]).any():
        raise Refused(
            "damaged archive",
            f"{name} must ascend from 0 to the number of rows, {num_rows}, to divide them: correct it",
        )


def _arrays(content: bytes, name: str) -> Mapping[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > _MAX_BYTES:
            raise Refused("archive that is too large", f"{name} has arrays of more than {_MAX_BYTES >> 30} GiB")
        with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
            members = {key: loaded[key] for key in loaded.files}
        return {key: member for key, member in members.items() if isinstance(member, np.ndarray)}
    except Refused:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise Refused("archive of pickled arrays", f"{name} {_PICKLED}") from None
        raise Refused("damaged archive", f"{name} cannot be read as a numpy archive ({error}): {_HINT}") from None
    except (Exception, MemoryError) as error:  # a damaged header raises errors of many types
        reason = str(error).split("\n")[0][:100] or type(error).__name__
        raise Refused("damaged archive", f"{name} cannot be read as a numpy archive ({reason}): {_HINT}") from None


def drawing_of_steps(steps: np.ndarray) -> Drawing | None:
    """Return the drawing of an array of stroke-3; None if it has no extent or numbers that are not finite."""
    numbers = np.asarray(steps, np.float64)
    if not len(numbers) or not np.isfinite(numbers).all():
        return None
    points = numbers[:, :2].cumsum(0)
    ends = np.flatnonzero(numbers[:, 2] > 0.5) + 1
    return normalized_drawing(np.split(points, ends))
