"""Write samples that are no text into files of their own, such as MIDI, and read such a file as a prompt."""

import inspect
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from seqloom.codecs.base import Codec
from seqloom.config import ReadingConfig
from seqloom.corpora.input_file import examine
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import ConfigError
from seqloom.files import check_new_file, check_writable, real_path
from seqloom.generation.sample_table import SAMPLE_SUFFIXES, payload_paths
from seqloom.registry import WRITERS, resolve
from seqloom.sampling import Sample
from seqloom.user_warnings import warn_user

__all__ = ["check_payload_files", "prompt_of_file", "write_payload"]


def check_payload_files(
    codec: Codec[Any], path: Path, count: int, *, may_exist: bool, options: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Check that samples can be written, before they are generated.

    Args:
        codec: codec of the run.
        path: path that the user named; its suffix chooses the writer.
        count: number of samples.
        may_exist: whether existing files may be replaced.
        options: options of the writer by name.

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
    _check_options(kind, suffixes, path.suffix.lower(), options)
    if not path.parent.is_dir():
        raise ConfigError(f"`output` got {path}, but there is no folder {path.parent}: create it, or name another file")
    for one in payload_paths(path, count):
        check_new_file(one, suffixes, may_exist=may_exist)
    check_writable(path)


def _check_options(kind: str, suffixes: Sequence[str], suffix: str, options: Mapping[str, Any]) -> None:
    """Check that the writer of a suffix has all options."""
    for name in options:
        having = [one for one in suffixes if name in inspect.signature(_writer(kind, one)).parameters]
        if suffix not in having:
            raise ConfigError(
                f"`{name}` has no effect on {suffix} files: name an `output` that ends in {', '.join(having)}"
            )


def _writer(kind: str, suffix: str) -> Any:
    return resolve("writer", f"{kind}{suffix}", WRITERS)


def write_payload(
    codec: Codec[Any], sample: Sample, prompt: str, path: Path, options: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Write the prompt and a sample as one payload.

    Args:
        codec: codec of the run.
        sample: sample.
        prompt: prompt that the sample continues.
        path: path of the file; its suffix chooses the writer.
        options: options of the writer by name.

    Raises:
        SeqloomError: the file cannot be written, or a package that the writer needs is missing.
    """
    ids = np.concatenate([codec.encode_text(prompt, skip_unknown=True), np.array(sample.tokens, np.int64)])
    _writer(codec.payload_type.kind, path.suffix.lower())(codec.decode(ids), real_path(path), **options)


def prompt_of_file(codec: Codec[Any], path: Path) -> str:
    """Return the labels of the tokens of a file of the codec's kind, as a prompt.

    Raises:
        UserError: the file cannot be read, holds another kind of sequence, or has tokens that the run does not know.
    """
    reading = ReadingConfig()
    kind = codec.payload_type.kind
    file = examine(SourceFile(name=str(path), path=path), reading)
    if not issubclass(file.payload_type, codec.payload_type):
        raise ConfigError(f"`prompt_file` got {path}, and the run generates {kind}: name a file of {kind}")
    document, following = itertools.islice(
        itertools.chain(file.documents(reading, RatingColumns(), Counter()), (None, None)), 2
    )
    if following is not None:
        warn_user(f"{path} holds several {kind}: the first one is continued")
    if document is None:
        raise ConfigError(f"`prompt_file` got {path}, which has nothing that can be read: name another file of {kind}")
    return codec.decode_text(np.concatenate([part.ids for part in codec.encode(document.payload)]))
