"""The likelihood of unseen rated texts under a model that receives their ratings."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.codecs.text import as_text_codec
from seqloom.corpora import open_corpus
from seqloom.data.split import Spans
from seqloom.data.store_cache import cached_store
from seqloom.evaluation.likelihood import full_likelihood
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.vocabulary_filter import VocabularyFilter

__all__ = ["split_likelihood"]


def split_likelihood(run: SavedRun, source: str | Path | Sequence[str | Path], pool: str) -> dict[str, float]:
    """Measure the likelihood of unseen texts if the model receives their true ratings, shuffled ratings or none.

    The differences show how much the model uses the ratings.

    Args:
        run: run with weights.
        source: table that the run was trained on.
        pool: pool of the texts. Pools are disjoint parts of the table; choose one that the run was not trained on.

    Returns:
        Negative log-likelihood in nats per token, by the ratings that the model receives: "true", "shuffled" and
        "none"; only "none" for a run without ratings.
    """
    # `encoding=None` detects the character encoding again; the filter removes symbols outside the vocabulary.
    corpus = open_corpus(source, replace(run.config.reading, pool=pool, encoding=None))
    store = cached_store(VocabularyFilter(corpus, as_text_codec(run.codec)), run.codec)
    features_by_ratings: dict[str, Any] = {"none": None}
    true_features = run.config.features_of(store)  # of each text's ratings
    if true_features is not None:
        shuffled_features = true_features[np.random.default_rng(0).permutation(len(true_features))]
        features_by_ratings = {"true": true_features, "shuffled": shuffled_features, **features_by_ratings}
    scorer, units_per_token = run_scorer(run), run.codec.units_per_token
    all_spans = Spans.whole_documents(store)
    return {
        name: full_likelihood(scorer, store, all_spans, units_per_token, features=text_features).nats_per_token
        for name, text_features in features_by_ratings.items()
    }
