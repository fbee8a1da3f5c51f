"""Describe a fitted detector."""

from pathlib import Path
from typing import Any

from seqloom.detector.storage import DETECTOR
from seqloom.errors import RunError

__all__ = ["describe_detector"]


def describe_detector(folder: str | Path) -> dict[str, Any]:
    """What a detector learned from, and how well it did, in JSON's types.

    Returns:
        `detector` (the folder), `real`, `generators` and `generated` (sources), `pool`, `group`, `texts` (of both
        sides), `leaks` (signs that tell the sides apart by their form alone), `areas` (under the curve, by member;
        "light members" and "all" are the stacks) and `version`.

    Raises:
        RunError: there is no detector, or it is damaged or from a newer format.
    """
    stored = DETECTOR.read_settings(Path(folder))
    try:
        origin = stored["origin"]
        return {
            "detector": str(folder),
            **{name: origin[name] for name in ("real", "generators", "generated", "texts")},
            **{name: origin["reading"].get(name) for name in ("pool", "group")},
            "leaks": [{"sign": sign, "real": real, "generated": made} for sign, real, made in stored["leaks"]],
            "areas": {str(name): float(area) for name, area in stored["report"].items()},
            "version": origin["version"],
        }
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the detector in {folder} is damaged ({error!r}): fit it anew, or copy it again") from None
