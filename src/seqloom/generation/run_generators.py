"""Generators of a saved run, for any rating; they share the weights that the compiled kernels use."""

from dataclasses import replace
from typing import Any

from seqloom.config import SamplingConfig, validate
from seqloom.generation.generator import GeneratorFactory, TextGenerator
from seqloom.kernels.native_weights import decoding_kernels
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling.constraints import TokenPredicate

__all__ = ["RunGenerators"]


class RunGenerators:
    """Make generators of one run.

    Args:
        run: run with weights.
    """

    def __init__(self, run: SavedRun) -> None:
        self.run = run
        self._cached_factory: GeneratorFactory | None = None
        self._cached_settings: tuple[bool | None, str | None, str | None] | None = None

    def generator(
        self,
        *,
        rating: Any = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: str | None = None,
    ) -> TextGenerator:
        """Return a generator, conditioned if a rating is requested.

        Args:
            rating: requested rating: a number, or numbers and categories by column; None without a request.
            guidance: guidance scale: the logits are those without the rating plus this multiple of the difference that
                the rating makes; 1 is off, 1.5 is usual.
            extrapolate: allow ratings outside the range of the training data.
            stateful: whether the state is carried from token to token; see `GeneratorFactory`.
            precision: precision of the weights; see `GeneratorFactory`.

        Raises:
            ConfigError: the run has no rating of this form, the rating or the guidance is out of range, an option has
                no effect without a rating, or the precision is unavailable.
            RunError: the weights are missing, damaged or do not fit the config.
        """
        validate(
            (
                rating is not None or (guidance == 1 and not extrapolate),
                f"`{'extrapolate' if extrapolate else 'guidance'}` has no effect without `rating`: leave it out, or "
                "add a rating",
            ),
        )
        values = None if rating is None else self.run.config.conditions.encode_request(rating, extrapolate=extrapolate)
        factory = self.factory(stateful, precision)
        return factory.unconditional if values is None else factory.conditioned(values, guidance)

    def factory(self, stateful: bool | None, precision: str | None) -> GeneratorFactory:
        """Return the factory with these settings; see `GeneratorFactory`. The latest factory is cached."""
        run = self.run
        # The kernels are among the settings: the environment variable `SEQLOOM_KERNELS` can change between calls.
        settings = stateful, precision, decoding_kernels(run.config.model)
        if self._cached_factory is None or self._cached_settings != settings:
            self._cached_factory = GeneratorFactory(
                run.config, run.codec, run.weights, stateful=stateful, precision=precision
            )
            self._cached_settings = settings
        return self._cached_factory

    def normalized(self, config: SamplingConfig) -> SamplingConfig:
        """Return sampling settings whose strings are transformed as the training corpus was, like every prompt.

        A stop string or a ban with a capital letter would otherwise never occur in the texts of a run in lower case.
        """
        if not config.stop and not config.ban:
            return config
        normalize = self.run.normalize
        return replace(config, stop=tuple(map(normalize, config.stop)), ban=tuple(map(normalize, config.ban)))

    def copy_guard(self, config: SamplingConfig) -> TokenPredicate | None:
        """Return the guard against copies of the training corpus; None if `config.max_copy` is 0.

        The guard is a function that decides whether a token may follow the bytes generated so far. It refuses tokens
        that would complete a copy of more than `max_copy` characters.

        Raises:
            SourceError: the training corpus is not available.
        """
        if not config.max_copy:
            return None
        from seqloom.runs.training_corpus import training_copy_index

        return training_copy_index(self.run).constraint(config.max_copy)
