"""From logits to text: transforms, draws, constraints, stopping. It sees tokens and their bytes, no codec."""

from seqloom.config.sampling import SamplingConfig
from seqloom.sampling.engine import generate, next_distribution, stream
from seqloom.sampling.sample import Sample
from seqloom.sampling.transforms import reweight

__all__ = ["Sample", "SamplingConfig", "generate", "next_distribution", "reweight", "stream"]
