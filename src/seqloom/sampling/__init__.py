"""From logits to text: transforms, draws, constraints and stop strings. Tokens are ids and bytes, without a codec."""

from seqloom.config.sampling import SamplingConfig
from seqloom.sampling.engine import generate, next_distribution, stream
from seqloom.sampling.reweight import reweight
from seqloom.sampling.sample import Sample

__all__ = ["Sample", "SamplingConfig", "generate", "next_distribution", "reweight", "stream"]
