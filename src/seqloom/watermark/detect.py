"""Looking for a key's watermark in texts, by a run's codec alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.vocabulary_filter import format_symbols
from seqloom.sampling.watermark import WatermarkTest, test_watermark

__all__ = ["RARE", "find_watermark", "find_watermarks"]

RARE = 0.001
"""A p-value at which a text is said to be marked: of texts that are not, one in a thousand has it."""


def find_watermark(run: SavedRun, text: str, key: str) -> WatermarkTest:
    """How much one text looks as if a key had marked it; what the run's codec does not know is passed over."""
    return test_watermark(run.text_codec.encode_text(run.normalize(text), skip_unknown=True), key)


def find_watermarks(
    run: SavedRun,
    source: str | Path | Sequence[str | Path],
    key: str,
    *,
    text: str | None = None,
    records: str | None = None,
    note: Reporter = silent,
) -> Iterator[WatermarkTest]:
    """The same of every text of a source, in order.

    Args:
        run: whose codec made the tokens; its weights are not needed.
        source: what to read.
        key: the secret.
        text: the column of the text, where the source is a table.
        records: where texts end within a file, as for `train`; None makes one text of each file.
        note: is told what the run's codec does not know.

    Raises:
        UserError: the source cannot be read, or the key is empty.
    """
    was = run.config.reading
    reading = ReadingConfig(
        text=text,
        records=records,
        lowercase=was.lowercase,
        normalize=was.normalize,
        keep_newlines=was.keep_newlines,
    )
    corpus = open_corpus(source, reading)
    unknown: Counter[str] = Counter()
    for document in corpus:
        whole = str(document.text)
        unknown.update(symbol for _, symbol in run.text_codec.unknown_symbols(whole))
        yield find_watermark(run, whole, key)
    if unknown:
        note(f"left out: {format_symbols(dict(unknown.most_common()))}")
    for reason, count in corpus.skipped.items():
        note(f"skipped: {counted(count, reason)}")
