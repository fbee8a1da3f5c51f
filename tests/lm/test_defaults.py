import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.cli.app import call
from seqloom.config import ModelConfig
from seqloom.config.options import TrainOptions
from seqloom.errors import ConfigError
from seqloom.lm.defaults import TrainingPlan, choose_defaults
from seqloom.lm.options import resolve_options
from seqloom.lm.train import TrainingObserver, train


def plan(
    *,
    tokens: int = 1_000_000,
    vocabulary: int = 60,
    parent: ModelConfig | None = None,
    preset: str | None = None,
    **options: Any,
) -> TrainingPlan:
    settings = resolve_options(TrainOptions(preset=preset, **options))
    return choose_defaults(settings, vocabulary=vocabulary, tokens=tokens, mean_document_tokens=tokens, parent=parent)


def test_a_longer_budget_gives_a_larger_model() -> None:
    sizes = [plan(minutes=minutes).model.hidden_sizes[0] for minutes in (0.1, 0.5, 1, 5, 10, 60)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    rates = [plan(minutes=minutes).training.learning_rate for minutes in (0.1, 0.5, 1, 5, 10, 60)]
    assert rates == sorted(rates, reverse=True)


def test_data_limited_word_models_get_dropout() -> None:
    assert plan(minutes=1, tokens=300_000, vocabulary=60).model.dropout < 0.4
    assert plan(minutes=1, tokens=300_000, vocabulary=2000).model.dropout == 0.5
    assert plan(minutes=1, tokens=50_000_000, vocabulary=2000).model.dropout == 0


def test_data_limited_word_models_are_small_and_train_few_epochs() -> None:
    few, many = (plan(minutes=10, tokens=tokens, vocabulary=4000) for tokens in (100_000, 50_000_000))
    assert few.budget.max_epochs == 12
    assert few.model.hidden_sizes == (256,) < many.model.hidden_sizes
    assert many.budget.max_epochs is None
    assert plan(minutes=10, tokens=100_000, vocabulary=4000, hidden_size=400).model.hidden_sizes == (400,)
    assert plan(epochs=40, tokens=100_000, vocabulary=4000).budget.max_epochs is None


def test_a_training_in_minutes_ends_after_the_largest_number_of_epochs(text_file: Path, tmp_path: Path) -> None:
    options = TrainOptions(minutes=60, hidden_size=8, threads=1)
    run = train(text_file, options, run=tmp_path / "run", max_epochs=2)
    characters = len(text_file.read_text(encoding="utf-8"))
    settings = run.config.training
    tokens = settings.total_steps * settings.batch_size * settings.sequence_length
    assert tokens == pytest.approx(2 * characters, rel=0.2)


def test_many_epochs_need_dropout() -> None:
    assert plan(minutes=1, tokens=50_000_000).model.dropout == 0
    assert plan(minutes=1, tokens=10_000).model.dropout == 0.5
    assert 0 < plan(minutes=10, tokens=500_000).model.dropout < 0.5


def test_settings_from_the_user_are_kept() -> None:
    chosen = plan(
        minutes=1, hidden_size=(64, 32), dropout=0.25, batch_size=7, sequence_length=19, learning_rate=0.5, embedding=3
    )
    assert (chosen.model.hidden_sizes, chosen.model.dropout, chosen.model.embedding) == ((64, 32), 0.25, 3)
    assert (chosen.training.batch_size, chosen.training.sequence_length, chosen.training.learning_rate) == (7, 19, 0.5)


def test_a_parents_architecture_is_kept() -> None:
    parent = ModelConfig(vocabulary=50, core="gru", hidden_sizes=(40, 30), embedding=8)
    chosen = plan(minutes=10, parent=parent)
    assert (chosen.model.core, chosen.model.hidden_sizes, chosen.model.embedding) == ("gru", (40, 30), 8)
    assert chosen.model.vocabulary == 60


def test_short_texts_and_documents_get_smaller_batches() -> None:
    assert plan(minutes=1, tokens=2_000).training.batch_size < 32
    settings = resolve_options(TrainOptions(minutes=1))
    defaults = choose_defaults(settings, vocabulary=60, tokens=10**6, mean_document_tokens=9, parent=None)
    assert defaults.training.sequence_length == 8


def test_settings_override_a_preset() -> None:
    chosen = plan(preset="classic", hidden_size=32, minutes=1)
    assert chosen.model.hidden_sizes == (32,)
    assert chosen.budget.seconds == 60
    assert chosen.training.optimizer == "rmsprop"
    assert plan(preset="classic").budget.epochs == 59


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"minutes": 0}, "`minutes` got 0"),
        ({"steps": 3, "epochs": 1}, "contradict"),
        ({"hidden_size": (3, 4), "layers": 3}, "leave one out"),
        ({"preset": "clasic"}, "did you mean 'classic'"),
        ({"rating": 3}, r"`rating` got \(3,\): give names"),
        ({"hidden_size": [4, "x"]}, r"`hidden_size` got \(4, 'x'\): give whole numbers"),
        ({"hold_out": "x"}, "`hold_out` got 'x': give a number"),
        ({"seed": 1.5}, "`seed` got 1.5: give a whole number"),
        ({"lowercase": 3}, "`lowercase` got 3: give True or False"),
        ({"text": 3}, "`text` got 3: give a name"),
        ({"betas": 0.9}, "`betas` got 0.9: give numbers"),
    ],
)
def test_invalid_settings_are_reported(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        resolve_options(TrainOptions(**given))


def test_numpy_numbers_are_accepted() -> None:
    options = resolve_options(TrainOptions(hidden_size=np.int64(8), dropout=np.float32(0.5), steps=np.int32(3)))
    assert (
        json.dumps([options.model["hidden_sizes"], options.model["dropout"], options.other["steps"]]) == "[[8], 0.5, 3]"
    )


def test_the_printed_command_repeats_the_training(text_file: Path, tmp_path: Path) -> None:
    notes: list[str] = []

    class Listening(TrainingObserver):
        def note(self, text: str) -> None:
            notes.append(text)

    first = seqloom.train(text_file, run=tmp_path / "first", minutes=0.02, viewer=Listening(), threads=1)
    prefix = "to repeat this training: "
    (line,) = [line.removeprefix(prefix) for line in notes if line.startswith(prefix)]
    assert call(shlex.split(line)[1:]) == 0
    second = seqloom.load(tmp_path / "first-repeated")
    digests = [hashlib.sha256((run.path / "model.safetensors").read_bytes()).hexdigest() for run in (first, second)]
    assert digests[0] == digests[1]
