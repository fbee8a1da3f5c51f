"""A run's own corpus, found again by what the person named. Needs no torch."""

from seqloom.corpora import open_corpus
from seqloom.corpora.document import Corpus
from seqloom.errors import SourceError
from seqloom.evaluation.originality import CopyIndex
from seqloom.runs.config import RunConfig
from seqloom.runs.saved_run import SavedRun

__all__ = ["training_copy_index", "training_corpus", "training_source"]

_STANDARD_INPUT = "-"


def training_source(config: RunConfig) -> str | list[str]:
    """What a run was trained on, as it was named.

    Raises:
        SourceError: it came through standard input, which cannot be read again.
    """
    if _STANDARD_INPUT in config.sources:
        raise SourceError("the run was trained on standard input, which is gone: name the source (- reads it again)")
    return list(config.sources) if len(config.sources) > 1 else config.sources[0]


def training_corpus(run: SavedRun) -> Corpus:
    """The corpus that a run was trained on.

    Raises:
        SourceError: it is gone, or is not what it was.
    """
    corpus = open_corpus(training_source(run.config), run.config.reading)
    if corpus.fingerprint != run.config.corpus_hash:
        raise SourceError(f"{run.config.source} has changed since {run.path} was trained on it: put the old text back")
    return corpus


def training_copy_index(run: SavedRun) -> CopyIndex:
    """What a run's corpus holds, for finding copies of it.

    Raises:
        SourceError: the corpus is not at hand.
    """
    return CopyIndex.from_corpus(training_corpus(run))
