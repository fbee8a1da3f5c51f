"""Open the corpus of a run again, from the names of its sources, without torch."""

from seqloom.corpora import open_corpus
from seqloom.corpora.document import Corpus
from seqloom.errors import SourceError
from seqloom.evaluation.originality import CopyIndex
from seqloom.runs.config import RunConfig
from seqloom.runs.saved_run import SavedRun

__all__ = ["training_copy_index", "training_corpus", "training_source"]

_STANDARD_INPUT = "-"


def training_source(config: RunConfig) -> str | list[str]:
    """Return the source of a run, or the list of its sources.

    Raises:
        SourceError: the source was standard input or a pipe, which cannot be read again.
    """
    if _STANDARD_INPUT in config.sources:
        raise SourceError(
            "the run was trained on standard input or a pipe, which is gone: name a source (- reads standard input)"
        )
    return list(config.sources) if len(config.sources) > 1 else config.sources[0]


def training_corpus(run: SavedRun) -> Corpus:
    """Open the corpus of a run.

    Raises:
        SourceError: the source is missing, or has changed.
    """
    corpus = open_corpus(training_source(run.config), run.config.reading)
    if corpus.fingerprint != run.config.corpus_hash:
        raise SourceError(f"{run.config.source} has changed since {run.path} was trained on it: restore the old text")
    return corpus


def training_copy_index(run: SavedRun) -> CopyIndex:
    """Return an index of a run's corpus, for finding copied passages.

    Raises:
        SourceError: the source is missing, or has changed.
    """
    return CopyIndex.from_corpus(training_corpus(run))
