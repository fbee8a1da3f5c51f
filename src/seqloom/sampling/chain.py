"""The chain of transforms of one request, built from `registry.TRANSFORMS`.

A transform is a function that changes the logits before a token is drawn, such as the temperature. Some transforms are
built in. To add another one, write a `TransformSpec` and register it in `registry.TRANSFORMS`; a user then requests it
by name in `SamplingConfig.transforms`. The chain leaves out a transform that is off: its settings make it change
nothing.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import NamedTuple

from seqloom.config.sampling import SamplingConfig
from seqloom.errors import ConfigError
from seqloom.registry import TRANSFORMS, resolve, unknown_name
from seqloom.sampling.transform import Context, Logits, Settings, Transform, TransformSpec

__all__ = ["active_transforms", "apply_chain", "build_chain"]


class _ConfiguredTransform(NamedTuple):
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
    return tuple(transform.spec.bind(transform.settings, vocabulary) for transform in _without_inactive(config))


def active_transforms(config: SamplingConfig) -> tuple[str, ...]:
    """Return the names of the requested transforms in order, without those that would change nothing.

    Raises:
        ConfigError: a transform or one of its settings is unknown.
    """
    return tuple(transform.name for transform in _without_inactive(config))


def apply_chain(chain: tuple[Transform, ...], logits: Logits, context: Context) -> Logits:
    """Return the logits after all transforms, applied from first to last."""
    return reduce(lambda current, transform: transform(current, context), chain, logits)


def _without_inactive(config: SamplingConfig) -> list[_ConfiguredTransform]:
    """Return the transforms in the order of the chain, without those that would change nothing."""
    transforms = sorted(_configured_transforms(config), key=lambda transform: transform.spec.position)
    return [transform for transform in transforms if not transform.spec.is_off(transform.settings)]


def _configured_transforms(config: SamplingConfig) -> Iterator[_ConfiguredTransform]:
    """Yield all built-in transforms, and those of other distributions that the config requests."""
    unknown = [unknown_name("transform", name, TRANSFORMS) for name in config.transforms if name not in TRANSFORMS]
    if unknown:
        raise ConfigError(*unknown)
    for name in (*TRANSFORMS.built_in, *(name for name in config.transforms if name not in TRANSFORMS.built_in)):
        spec: TransformSpec = resolve("transform", name, TRANSFORMS)
        if spec.fields is None:  # the transform is not built in, and runs only if the config requests it
            if name in config.transforms:
                yield _ConfiguredTransform(name, spec, _with_defaults(name, spec, config.transforms[name]))
        elif name in config.transforms:
            # The transform "bans" has no fields: it removes what the constraints do not allow. Users set `ban`.
            raise ConfigError(f"transforms got {name!r}, which is built in: set {' or '.join(spec.fields) or 'ban'}")
        else:
            yield _ConfiguredTransform(name, spec, {field: getattr(config, field) for field in spec.fields})


def _with_defaults(name: str, spec: TransformSpec, settings: Mapping[str, float]) -> Settings:
    """Return the requested settings of a transform that is not built in, completed with its defaults.

    Raises:
        ConfigError: the transform has no such setting.
    """
    unknown = [
        unknown_name(f"setting of transform {name!r}:", key, spec.defaults)
        for key in settings
        if key not in spec.defaults
    ]
    if unknown:
        raise ConfigError(*unknown)
    return {**spec.defaults, **settings}
