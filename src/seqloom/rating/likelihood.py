"""The likelihood of unseen rated texts under a model that receives their ratings."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.codecs.text import as_text_codec
from seqloom.corpora import open_corpus
from seqloom.data.split import Spans
from seqloom.data.store import cached_store
from seqloom.evaluation.likelihood import full_likelihood
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.vocabulary_filter import VocabularyFilter

__all__ = ["split_likelihood"]


def split_likelihood(run: SavedRun, source: str | Path | Sequence[str | Path], pool: str) -> dict[str, float]:
    """Measure unseen texts under the model with their ratings ("true"), shuffled ratings ("shuffled") and "none".

    Args:
        run: the run; one without ratings returns only "none".
        source: table that the run was trained on.
        pool: pool of the texts.

    Returns:
        Nats per token, by the kind of ratings.
    """
    corpus = open_corpus(source, replace(run.config.reading, pool=pool, encoding=None))
    store = cached_store(VocabularyFilter(corpus, as_text_codec(run.codec)), run.codec)
    features: dict[str, Any] = {"none": None}
    true = run.config.features_of(store)
    if true is not None:
        shuffled = true[np.random.default_rng(0).permutation(len(true))]
        features = {"true": true, "shuffled": shuffled, **features}
    scorer, characters = run_scorer(run), run.codec.units_per_token
    return {
        name: full_likelihood(scorer, store, Spans.whole(store), characters, features=rows).nats_per_token
        for name, rows in features.items()
    }
