"""Build the configuration and the trainer of a GAN from a likelihood-trained run.

The GAN's generator is the language model of that run, the parent, with noise as an additional condition.
"""

from dataclasses import replace

import numpy as np
import torch

from seqloom.config.gan import GanConfig
from seqloom.gan.dataset import UNSEEN_SHARE
from seqloom.gan.parent import Parent
from seqloom.gan.short_texts import ShortTexts
from seqloom.gan.trainer import GanTrainer
from seqloom.models.language_model import LanguageModel
from seqloom.models.weight_transfer import transfer_weights
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.runs.config import RunConfig

__all__ = ["gan_run_config", "make_trainer", "starts_from_likelihood"]

_NOISE_WIDTH = 64
"""Number of features computed from the noise."""

_UNUSED_TOKEN_LOGIT = -20.0
"""Bias of the logit of a token that no text contains."""


def starts_from_likelihood(loss: str | None) -> bool:
    """Return whether a GAN with this loss starts from the weights of a likelihood-trained run.

    Args:
        loss: registered name of the loss; None for the default.
    """
    from_likelihood: bool = resolve("loss", loss or GanConfig.loss, GAN_LOSSES).from_likelihood
    return from_likelihood


def gan_run_config(parent: Parent, noise_size: int, gan: GanConfig) -> RunConfig:
    """Return the configuration of a GAN's run.

    Args:
        parent: language model that the generator starts from.
        noise_size: dimension of the noise.
        gan: GAN settings.
    """
    config = parent.config
    model = replace(
        config.model,
        num_condition_features=config.model.num_condition_features + _NOISE_WIDTH,
        noise_size=noise_size,
        noise_width=_NOISE_WIDTH,
        prediction_heads=1,
    )
    training = replace(
        config.training,
        total_steps=max(1, sum(gan.stage_steps)),
        pace="",  # `gan` has the paces of the stages
        batch_size=gan.batch_size,
        sequence_length=gan.max_length,
        seed=gan.seed,
        validation=UNSEEN_SHARE,
    )
    return replace(config, model=model, training=training, kernels=None, repeat_command="", parent=str(parent.path))


def make_trainer(
    run: Parent, config: RunConfig, gan: GanConfig, texts: ShortTexts, unseen: ShortTexts, *, fresh: bool = True
) -> GanTrainer:
    """Return a trainer; its generator starts from the weights of a run, unless the loss requires random weights.

    Args:
        run: language model that the generator starts from, or the GAN's own run to resume.
        config: configuration of the GAN's run.
        gan: GAN settings.
        texts: training texts.
        unseen: texts for measuring the discriminator's accuracy, which are not trained on.
        fresh: whether to initialize the weights for a new training; False if `GanTrainer.restore` sets the weights
            afterwards.
    """
    torch.set_num_threads(config.threads)
    model = LanguageModel(config.model, gan.seed)
    if fresh and starts_from_likelihood(gan.loss):
        transfer_weights(run.model(), model)
    if fresh:
        _suppress_unused_tokens(model, texts, unseen)
    assert run.codec.boundary is not None
    return GanTrainer(
        model,
        texts,
        unseen,
        gan,
        boundary=run.codec.boundary,
        decode=lambda ids_of_texts: [run.text_codec.decode_text(ids) for ids in ids_of_texts],
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )


@torch.no_grad()
def _suppress_unused_tokens(model: LanguageModel, *datasets: ShortTexts) -> None:
    """Lower the logits of tokens that no text contains; most of these tokens are bytes that spell out unknown words."""
    used = np.unique(np.concatenate([np.unique(texts.tokens) for texts in datasets]))
    unused = np.setdiff1d(np.arange(model.config.vocabulary), used)
    model.head.bias[torch.from_numpy(unused)] = _UNUSED_TOKEN_LOGIT
