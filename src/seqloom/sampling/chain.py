"""The chain of transforms of one request, built from `registry.TRANSFORMS`.

A further transform is one spec and one line of that table. A user requests it by name in `SamplingConfig.transforms`.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import NamedTuple

from seqloom.config.sampling import SamplingConfig
from seqloom.errors import ConfigError
from seqloom.registry import TRANSFORMS, resolve, unknown_name
from seqloom.sampling.transform import Context, Logits, Settings, Transform, TransformSpec

__all__ = ["active_transforms", "apply_chain", "build_chain"]


class _Active(NamedTuple):
    name: str
    spec: TransformSpec
    settings: Settings


def build_chain(config: SamplingConfig, vocabulary: int) -> tuple[Transform, ...]:
    """Return the requested transforms in order, without those that would change nothing.

    Args:
        config: sampling settings.
        vocabulary: number of token ids.

    Raises:
        ConfigError: a transform or one of its settings is unknown, or a setting is out of range.
    """
    return tuple(active.spec.bind(active.settings, vocabulary) for active in _active(config))


def active_transforms(config: SamplingConfig) -> tuple[str, ...]:
    """Return the names of the requested transforms in order, without those that would change nothing.

    Raises:
        ConfigError: a transform or one of its settings is unknown.
    """
    return tuple(active.name for active in _active(config))


def apply_chain(chain: tuple[Transform, ...], logits: Logits, context: Context) -> Logits:
    """Apply the transforms to `logits`, first to last."""
    return reduce(lambda current, transform: transform(current, context), chain, logits)


def _active(config: SamplingConfig) -> list[_Active]:
    candidates = sorted(_candidates(config), key=lambda candidate: candidate.spec.position)
    return [candidate for candidate in candidates if not candidate.spec.is_off(candidate.settings)]


def _candidates(config: SamplingConfig) -> Iterator[_Active]:
    """Yield the built-in transforms, and the further ones that the config requests."""
    unknown = [unknown_name("transform", name, TRANSFORMS) for name in config.transforms if name not in TRANSFORMS]
    if unknown:
        raise ConfigError(*unknown)
    for name in (*TRANSFORMS.built_in, *(name for name in config.transforms if name not in TRANSFORMS.built_in)):
        spec: TransformSpec = resolve("transform", name, TRANSFORMS)
        if spec.fields is None:
            if name in config.transforms:
                yield _Active(name, spec, _with_defaults(name, spec, config.transforms[name]))
        elif name in config.transforms:
            raise ConfigError(f"transforms got {name!r}, which is built in: set {' or '.join(spec.fields) or 'ban'}")
        else:
            yield _Active(name, spec, {field: getattr(config, field) for field in spec.fields})


def _with_defaults(name: str, spec: TransformSpec, settings: Mapping[str, float]) -> Settings:
    unknown = [
        unknown_name(f"setting of transform {name!r}:", key, spec.defaults)
        for key in settings
        if key not in spec.defaults
    ]
    if unknown:
        raise ConfigError(*unknown)
    return {**spec.defaults, **settings}
