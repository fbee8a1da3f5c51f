"""Detect the watermark of a key in texts; needs only a run's codec.

The codec divides a text into the tokens that the run would generate; the weights of the run are not needed. A watermark
is a bias of the generated tokens that depends on a secret key. The p-value of a test is the probability that a text
without the watermark shows the bias at least as clearly.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seqloom.codecs.unknown_symbols import format_symbols
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling.watermark import WatermarkTest, detect_watermark, key_number

__all__ = ["MARKED_P_VALUE", "find_watermark", "find_watermarks"]

MARKED_P_VALUE = 0.001
"""Maximal p-value of a text that is reported as marked. About one of a thousand texts without the watermark has a
p-value this low by chance."""


def find_watermark(run: SavedRun, text: str, key: str) -> WatermarkTest:
    """Test one text for the watermark of a key; symbols outside the run's vocabulary are skipped.

    Raises:
        ConfigError: the key is empty.
    """
    return detect_watermark(run.text_codec.encode_text(run.normalize(text), skip_unknown=True), key)


def find_watermarks(
    run: SavedRun,
    source: str | Path | Sequence[str | Path],
    key: str,
    *,
    text: str | None = None,
    records: str | None = None,
    note: Reporter = silent,
) -> Iterator[WatermarkTest]:
    """Test every text of a source for the watermark of a key, in order.

    Args:
        run: run whose codec encodes the texts; its weights are not needed.
        source: file, folder or table with the texts, or several of them.
        key: secret key.
        text: column of the text, for a table.
        records: separator of the texts within a file, as for `train`; None makes one text of each file.
        note: function that receives messages about skipped symbols and skipped texts.

    Raises:
        UserError: the source cannot be read, or the key is empty.
    """
    run_reading = run.config.reading
    reading = ReadingConfig(
        text=text,
        records=records,
        lowercase=run_reading.lowercase,
        normalize=run_reading.normalize,
        keep_newlines=run_reading.keep_newlines,
    )
    key_number(key)  # an unusable key is refused before any text is read
    corpus = open_corpus(source, reading)
    for line in corpus.notes:
        note(line)
    unknown_symbols: Counter[str] = Counter()
    for document in corpus:
        content = "".join(document.text.chunks)
        unknown_symbols.update(symbol for _, symbol in run.text_codec.unknown_symbols(content))
        yield replace(find_watermark(run, content, key), row=document.row)
    if unknown_symbols:
        note(f"left out: {format_symbols(dict(unknown_symbols.most_common()))}")
    for reason, count in corpus.skipped.items():
        note(f"skipped: {counted(count, reason)}")
