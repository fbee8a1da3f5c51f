"""Generate text for a rating with any combination of methods.

Methods are conditioning, guidance, rejection and sequential Monte Carlo (see `rating.methods`). The last two use a
critic, a function that rates texts. A source of texts is a function from the first index and the number of samples to
these samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seqloom.config import SamplingConfig
from seqloom.critic.table_rules import check_table_rules
from seqloom.generation.model_log_probs import ModelLogProbs
from seqloom.generation.prompt_characters import prepare_prompt
from seqloom.generation.run_generators import RunGenerators
from seqloom.rating.methods import METHODS
from seqloom.rating.plan import check_sampling, make_plan
from seqloom.rating.request import RatingRequest
from seqloom.rating.session import RatedSample, RatedSession, Source

__all__ = ["RatedGeneration", "RatedSample", "generate_rated"]


@dataclass(kw_only=True)
class RatedGeneration(RatedSession):
    """An iterable of rated texts, each available as soon as it is accepted; it records the cost of the generation.

    Attributes:
        count: number of requested texts; rejection yields fewer if too few are accepted within its budget.
        log_probs: computes the log-probabilities of accepted texts; None where they stay as they are.
        requested_prompt: prompt as the caller gave it.
    """

    count: int
    requested_prompt: str = ""
    log_probs: ModelLogProbs | None = None

    def __iter__(self) -> Iterator[RatedSample]:
        """Generate the texts; each method turns a source of texts into another one, starting from plain samples."""
        source: Source = self.samples
        for name in reversed(self.plan.methods):
            source = METHODS[name].source(self, source)
        first_index = 0
        for rated in source(first_index, self.count):
            sample = rated.sample if self.log_probs is None else self.log_probs.of([rated.sample])[0]
            sample = replace(sample, prompt=self.requested_prompt, temperature=self.config.temperature)
            yield replace(rated, sample=sample)


def generate_rated(
    generators: RunGenerators,
    request: RatingRequest,
    config: SamplingConfig,
    *,
    prompt: str = "",
    count: int = 1,
    stateful: bool | None = None,
    precision: str | None = None,
    skip_unknown: bool = False,
) -> RatedGeneration:
    """Prepare the generation of texts for a rating.

    Args:
        generators: object that makes text generators of the run, with or without conditioning on a rating.
        request: requested rating and methods.
        config: sampling settings.
        prompt: text to continue.
        count: number of texts.
        stateful: whether the state is carried from token to token; False reads the last window again for each token,
            None does as in training.
        precision: precision of the weights in the compiled kernels; None selects the fastest suitable one.
        skip_unknown: skip symbols of the prompt outside the vocabulary.

    Returns:
        An iterable of texts with the critic's ratings; it records the cost.

    Raises:
        ConfigError: the request contradicts itself, the sampling settings or the run, or run and critic were read by
            different rules of tables.
    """
    run = generators.run
    check_table_rules(run, request.critic)
    plan = make_plan(request, run.config.conditions)
    check_sampling(plan, config)
    factory = generators.factory(stateful, precision)
    generator = factory.unconditional if plan.values is None else factory.conditioned(plan.values, plan.guidance)
    encoded = generator.prompt(prepare_prompt(run, prompt), skip_unknown=skip_unknown)
    is_own = plan.guidance == 1 and factory.is_stateful  # drawn from the model itself
    return RatedGeneration(
        plan=plan,
        generator=generator,
        prompt=encoded,
        requested_prompt=prompt,
        log_probs=ModelLogProbs(run, encoded, plan.values) if is_own else None,
        config=generators.normalized(config),
        count=count,
        guard=generators.copy_guard(config),
    )
