"""Describe a fitted detector."""

from pathlib import Path
from typing import Any

from seqloom.detector.storage import DETECTOR, LANGUAGE_MODEL_FOLDERS
from seqloom.errors import RunError
from seqloom.runs.layout import RunFolder
from seqloom.runs.verify import verify_run

__all__ = ["describe_detector", "verify_detector"]


def describe_detector(folder: str | Path) -> dict[str, Any]:
    """Describe a detector in JSON's types: its training data and its accuracy.

    Returns:
        `detector` (folder), `real`, `generators` and `generated` (sources), `pool` (part of the real table), `group`
        (column that marks related texts), `texts` (numbers of real and of generated texts), `leaks` (signs of
        formatting that separate real from generated texts), `areas` (area under the ROC curve by member; "light
        members" is their combination, and "all" is the whole detector) and `version` (of seqloom).

    Raises:
        RunError: the folder has no detector, or the detector is damaged or has an unsupported format.
    """
    stored = DETECTOR.read_settings(Path(folder))
    try:
        origin = stored["origin"]
        return {
            "detector": str(folder),
            **{name: origin[name] for name in ("real", "generators", "generated", "texts")},
            **{name: origin["reading"].get(name) for name in ("pool", "group")},
            "leaks": [
                {"sign": sign, "real": real, "generated": generated} for sign, real, generated in stored["leaks"]
            ],
            "areas": {str(name): float(area) for name, area in stored["report"].items()},
            "version": origin["version"],
        }
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the detector in {folder} is damaged ({error!r}): fit it again, or copy it again") from None


def verify_detector(folder: str | Path) -> tuple[str, ...]:
    """Check the checksums of the files of a detector and of its language models, and return their names.

    Raises:
        RunError: the folder has no detector, or a file is damaged.
    """
    path = Path(folder)
    names = list(DETECTOR.verify(path))
    for name in LANGUAGE_MODEL_FOLDERS:
        run = RunFolder(path / name)
        names += [f"{name}/{file}" for file in verify_run(run)] if run.holds_run else []
    return tuple(names)
