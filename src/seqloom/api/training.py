"""Train a language model or a GAN into a run folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.api.run import Run
from seqloom.argument_names import suggests_arguments
from seqloom.config.choices import (
    Batching,
    ConditionInput,
    DropoutKind,
    Initialization,
    Loss,
    Normalization,
    Optimizer,
    Precision,
    Schedule,
)
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.config.settings import pick
from seqloom.display.python_progress import progress_viewer

if TYPE_CHECKING:
    from seqloom.lm.observer import TrainingObserver

__all__ = ["train", "train_gan"]


@suggests_arguments
def train(
    source: str | Path | Sequence[str | Path] | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    from_run: str | Path | None = None,
    verify: bool = False,
    progress: bool | None = None,
    viewer: "TrainingObserver | None" = None,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    pace: str | None = None,
    level: str | None = None,
    vocabulary: int | None = None,
    preset: str | None = None,
    hidden_size: int | tuple[int, ...] | None = None,
    layers: int | None = None,
    threads: int | None = None,
    encoding: str | None = None,
    strict: bool | None = None,
    lowercase: bool | None = None,
    normalize: Normalization | None = None,
    keep_newlines: bool | None = None,
    records: str | None = None,
    text: str | None = None,
    rating: str | tuple[str, ...] | None = None,
    group: str | None = None,
    category: str | tuple[str, ...] | None = None,
    pool: str | None = None,
    cut_words: int | None = None,
    passages: bool | None = None,
    sentences: bool | None = None,
    missing: tuple[str, ...] | None = None,
    max_size: float | None = None,
    kind: str | None = None,
    transpose: int | None = None,
    vary_tempo: float | None = None,
    stretch: float | None = None,
    turn: float | None = None,
    follow_links: bool | None = None,
    core: str | None = None,
    head: str | None = None,
    mixtures: int | None = None,
    embedding: int | None = None,
    tied: bool | None = None,
    layer_norm: bool | None = None,
    forget_bias: float | None = None,
    initialization: Initialization | None = None,
    kernel_width: int | None = None,
    prediction_heads: int | None = None,
    dropout: float | None = None,
    dropout_kind: DropoutKind | None = None,
    weight_dropout: float | None = None,
    condition_into: tuple[ConditionInput, ...] | None = None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    batching: Batching | None = None,
    stride: int | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    learning_rate: float | None = None,
    betas: tuple[float, float] | None = None,
    weight_decay: float | None = None,
    clip: float | None = None,
    schedule: Schedule | None = None,
    warmup: int | None = None,
    final_rate: float | None = None,
    precision: Precision | None = None,
    hold_out: float | None = None,
    validation: float | None = None,
    validation_tokens: int | None = None,
    validate_every: int | None = None,
    patience: int | None = None,
    seed: int | None = None,
    condition_dropout: float | None = None,
    balance_ratings: bool | None = None,
) -> Run:
    """Train a model on a source and return the run.

    Settings that are None are chosen from the corpus and the budget; see `TrainOptions`, `ReadingConfig`, `ModelConfig`
    and `TrainingConfig` for their meaning.

    Args:
        source: catalogue name, file, folder, glob, `-` for standard input, or a list of these; by default the built-in
            corpus, or the source of the resumed run.
        run: run folder; by default `runs/` and the name of the source.
        resume: whether to continue the training in the folder exactly where it stopped, or, with a larger budget,
            beyond its end.
        overwrite: whether to replace the run in the folder.
        from_run: run whose weights the training starts from; symbols that it lacks are added to the vocabulary.
        progress: whether to show the progress; None shows it in a terminal and in a notebook, but not in a log.
        viewer: observer of the training, in place of the display of the progress.
        verify: whether to compare the checksums of the encoded corpus in the cache even if its files have not changed.

    Raises:
        UserError: the source, a setting or the folder is not usable.
        TrainingError: the loss exploded repeatedly.
    """
    options = pick(TrainOptions, locals())
    from seqloom.lm import train as training

    shown = progress if viewer is None else False
    with progress_viewer(shown, None if resume else options.budget_seconds) as display:
        saved = training.train(
            source,
            options,
            run=run,
            resume=resume,
            overwrite=overwrite,
            from_run=from_run,
            viewer=viewer or display,
            verify=verify,
        )
    return Run(saved.path)


@suggests_arguments
def train_gan(
    source: str | Path | None = None,
    *,
    run: str | Path,
    from_run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda line: None,
    viewer: "TrainingObserver | None" = None,
    minutes: float | None = None,
    noise_size: int | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    level: str | None = None,
    vocabulary: int | None = None,
    pace: str | None = None,
    adversarial_steps: int | None = None,
    pretrain_steps: int | None = None,
    warmup_steps: int | None = None,
    batch_size: int | None = None,
    pack_size: int | None = None,
    max_length: int | None = None,
    loss: str | None = None,
    target_kl_nats: float | None = None,
    generator_learning_rate: float | None = None,
    discriminator_learning_rate: float | None = None,
    likelihood_weight: float | None = None,
    final_likelihood_share: float | None = None,
    adversarial_weight: float | None = None,
    temperature: float | None = None,
    final_temperature: float | None = None,
    accuracy_band: tuple[float, float] | None = None,
    ema_decay: float | None = None,
    eval_every: int | None = None,
    seed: int | None = None,
    encoding: str | None = None,
    strict: bool | None = None,
    lowercase: bool | None = None,
    normalize: Normalization | None = None,
    keep_newlines: bool | None = None,
    records: str | None = None,
    text: str | None = None,
    rating: str | tuple[str, ...] | None = None,
    group: str | None = None,
    category: str | tuple[str, ...] | None = None,
    pool: str | None = None,
    cut_words: int | None = None,
    passages: bool | None = None,
    sentences: bool | None = None,
    missing: tuple[str, ...] | None = None,
    max_size: float | None = None,
    follow_links: bool | None = None,
    core: str | None = None,
    hidden_size: int | tuple[int, ...] | None = None,
    layers: int | None = None,
    embedding: int | None = None,
    dropout: float | None = None,
    sequence_length: int | None = None,
    learning_rate: float | None = None,
    hold_out: float | None = None,
    validation: float | None = None,
    threads: int | None = None,
) -> Run:
    """Train a text GAN, whose generator writes for a requested rating, and return its run.

    First, likelihood training fits an ordinary language model to the texts. The GAN starts from the weights of that
    language model.

    Settings that are None are chosen by seqloom; see `GanOptions`, `GanConfig` and `ReadingConfig` for their meaning.

    Args:
        source: table with a column of text and a column of ratings; by default the source of the resumed run.
        run: run folder; the likelihood training has its own run in the subfolder `likelihood`.
        from_run: run of a model with ratings from which the GAN starts, instead of a likelihood training.
        resume: whether to continue the training in the folder exactly where it stopped.
        overwrite: whether to replace the run in the folder.
        note: function that receives progress, one line per call.
        viewer: observer of the likelihood training.

    Raises:
        UserError: the source, a setting or the folder is not usable.
        TrainingError: the generated texts collapsed repeatedly, or a network diverged.
        KeyboardInterrupt: Ctrl-C was pressed; its argument is the run folder if there is a checkpoint to resume from.
    """
    options = pick(GanOptions, locals())
    from seqloom.gan import train as training

    saved = training.train_gan(
        source, options, run=run, from_run=from_run, resume=resume, overwrite=overwrite, note=note, viewer=viewer
    )
    return Run(saved.path)
