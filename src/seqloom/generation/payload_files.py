"""Write samples that are no text into files of their own, such as MIDI, and read such a file as a prompt."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.codecs.base import Codec
from seqloom.config import ReadingConfig
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import ConfigError
from seqloom.files import check_new_file, check_writable
from seqloom.generation.sample_table import SAMPLE_SUFFIXES, payload_paths
from seqloom.registry import FORMATS, WRITERS, resolve
from seqloom.sampling import Sample

__all__ = ["check_payload_files", "prompt_of_file", "write_payload"]


def check_payload_files(codec: Codec[Any], path: Path, count: int, *, may_exist: bool) -> None:
    """Check that samples can be written, before they are generated.

    Args:
        codec: codec of the run.
        path: path that the user named; its suffix chooses the writer.
        count: number of samples.
        may_exist: whether existing files may be replaced.

    Raises:
        ConfigError: the run generates another kind of sequence, the folder is missing, or a file is in the way.
        SeqloomError: the folder cannot be written to.
    """
    kind = codec.payload_type.kind
    suffixes = [name.removeprefix(kind) for name in WRITERS if name.startswith(f"{kind}.")]
    if path.suffix.lower() not in suffixes:
        raise ConfigError(
            f"`output` got {path}, and the run generates {kind}: name a file that ends in "
            f"{', '.join([*suffixes, *SAMPLE_SUFFIXES])}"
        )
    if not path.parent.is_dir():
        raise ConfigError(f"`output` got {path}, but there is no folder {path.parent}: create it, or name another file")
    for one in payload_paths(path, count):
        check_new_file(one, suffixes, may_exist=may_exist)
    check_writable(path)


def write_payload(codec: Codec[Any], sample: Sample, prompt: str, path: Path) -> None:
    """Write the prompt and a sample as one payload.

    Raises:
        SeqloomError: the file cannot be written, or a package that the writer needs is missing.
    """
    ids = np.concatenate([codec.encode_text(prompt, skip_unknown=True), np.array(sample.tokens, np.int64)])
    writer = resolve("writer", f"{codec.payload_type.kind}{path.suffix.lower()}", WRITERS)
    writer(codec.decode(ids), path)


def prompt_of_file(codec: Codec[Any], path: Path) -> str:
    """Return the labels of the tokens of a file of the codec's kind, as a prompt.

    Raises:
        UserError: the file cannot be read, holds another kind of sequence, or has tokens that the run does not know.
    """
    reading = ReadingConfig()
    kind, suffix = codec.payload_type.kind, path.suffix.lower()
    file_format = resolve("format", suffix, FORMATS) if suffix in FORMATS else None
    if file_format is None or not issubclass(file_format.payload_type, codec.payload_type):
        raise ConfigError(f"`prompt_file` got {path}, and the run generates {kind}: name a file of {kind}")
    file = file_format.examine(SourceFile(name=str(path), path=path), reading)
    document = next(file.documents(reading, RatingColumns(), Counter()))
    return codec.decode_text(np.concatenate([part.ids for part in codec.encode(document.payload)]))
