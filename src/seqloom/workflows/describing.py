"""What a run is, without torch; and what a critic or a detector is."""

from pathlib import Path
from typing import Any

from seqloom.config import ModelConfig
from seqloom.errors import RunError
from seqloom.kernels.native_decoder import decoding_kernels, default_precision
from seqloom.kernels.weights import expected_shapes
from seqloom.workflows.run import Run

__all__ = ["describe", "describe_critic", "describe_detector", "holds_critic", "parameters"]


def describe(run: Run) -> dict[str, Any]:
    """The run's shape, origin and measurements, in JSON's types; see `Run.info`."""
    config = run.config
    return {
        "run": str(run.path),
        "level": config.level,
        "core": config.model.core,
        "sizes": list(config.model.sizes),
        "parameters": parameters(config.model),
        "vocabulary": len(run.codec),
        "boundary": run.codec.boundary is not None,
        "source": config.source,
        "corpus": config.corpus,
        "corpus_hash": config.corpus_hash,
        "preset": config.preset,
        "parent": config.parent,
        "generation": "window by window" if config.training.batching == "windows" else "state carried",
        "kernel": f"{_decoding(run)} (generation), {run.config.kernels or 'torch'} (training)",
        "ratings": config.conditions.to_json(),
        "trained": _trained(run),
        "gan": _gan(run),
        "model": config.model.to_json(),
        "training": config.training.to_json(),
        "reading": config.reading.to_json(),
        "metrics": run.folder.read_metrics(),
    }


def holds_critic(folder: str | Path) -> bool:
    """Whether a folder is that of a critic, and of no run."""
    return (Path(folder) / "critic.json").exists() and not (Path(folder) / "config.json").exists()


def describe_critic(folder: str | Path) -> dict[str, Any]:
    """What a critic rates, what it learned from and how well it did, in JSON's types.

    Returns:
        `critic` (the folder), `rating` (the column), `lowest` and `highest` of its ratings, `heavy` (whether they are
        scaled by rank), `source`, `pool` (None for the whole table), `group`, `cut_words`, `texts`, `groups`,
        `readers` (by name, the last of them their blend: `pearson`, and `mean_error` in units of the rating, on texts
        that they had not seen) and `version`.

    Raises:
        RunError: there is no critic, or it is damaged or from a newer format.
    """
    from seqloom.critic.folder import CRITIC

    stored = CRITIC.read_settings(Path(folder))
    try:
        scale, origin, report = stored["scale"], stored["origin"], stored["report"]
        reading = origin["reading"]
        return {
            "critic": str(folder),
            "rating": str(scale["name"]),
            "lowest": float(scale["knots"][0]),
            "highest": float(scale["knots"][-1]),
            "heavy": bool(scale["heavy"]),
            "source": str(origin["source"]),
            "pool": reading.get("pool"),
            "group": reading.get("group"),
            "cut_words": int(reading.get("cut_words", 0)),
            "texts": int(origin["texts"]),
            "groups": int(origin["groups"]),
            "readers": {
                str(name): {figure: float(found[figure]) for figure in ("pearson", "mean_error")}
                for name, found in report.items()
            },
            "version": origin["version"],
        }
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the critic in {folder} is damaged ({error!r}): fit it anew, or copy it again") from None


def describe_detector(folder: str | Path) -> dict[str, Any]:
    """What a detector learned from, and how well it did, in JSON's types.

    Returns:
        `detector` (the folder), `real`, `generators` and `generated` (sources), `pool`, `group`, `texts` (of both
        sides), `leaks` (signs that tell the sides apart by their form alone), `areas` (under the curve, by member;
        "light members" and "all" are the stacks) and `version`.

    Raises:
        RunError: there is no detector, or it is damaged or from a newer format.
    """
    from seqloom.detector.folder import DETECTOR

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


def parameters(model: ModelConfig) -> int:
    """How many numbers training adjusts."""
    total = 0
    for shape in expected_shapes(model).values():
        size = 1
        for axis in shape:
            size *= axis
        total += size
    return total + (model.ahead - 1) * model.vocabulary * (model.sizes[-1] + 1)


def _decoding(run: Run) -> str:
    """What decodes the run here."""
    kernels = decoding_kernels(run.config.model)
    if kernels is None or run.config.training.batching == "windows":
        return "numpy"
    return f"{kernels} {default_precision(run.config.model, kernels)}"


def _gan(run: Run) -> dict[str, Any] | None:
    """How a GAN is trained, and its rounds that are done; None of another run."""
    if not run.folder.gan_file.exists():
        return None
    config, _ = run.folder.read_gan()
    done = _trained(run)["steps"] - config.awakening - config.schooling
    return {**config.to_json(), "rounds_done": max(0, done)}


def _trained(run: Run) -> dict[str, Any]:
    """How far training is."""
    try:
        log = run.folder.read_log()
    except OSError as error:
        raise RunError(f"{run.folder.log_file} cannot be read: {error.strerror}") from None
    return {
        "steps": log[-1]["step"] if log else 0,
        "total_steps": run.config.training.total_steps,
        "weights": run.folder.weights_file.exists(),
        "finished": run.folder.metrics_file.exists(),
    }
