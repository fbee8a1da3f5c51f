"""The course of a run's training for the page: its losses so far, and the samples of an epoch."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, Query

from seqloom.corpora.drawings import GRID
from seqloom.errors import CodecError, RunError
from seqloom.files import read_own_file
from seqloom.serving.api_errors import ApiError
from seqloom.serving.sample_parts import sample_parts
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels

__all__ = ["training_router"]

_MAX_POINTS = 400
"""Largest number of points of a curve; longer ones are averaged."""

_LARGEST = 1e15
"""Numbers of a log that are larger are damaged, or those of a training that has diverged."""

_EPOCH_FILE = re.compile(r"epoch-(\d{1,12})\.txt")
_SAMPLE = re.compile(r"^--- temperature (\d+(?:\.\d+)?)\n", re.MULTILINE)


def training_router(models: ServedModels) -> APIRouter:
    """Return the routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api/training")
    async def training(model: str = Query(max_length=1000)) -> dict[str, Any]:
        return await asyncio.to_thread(_course, models.get(model))

    @router.get("/api/training/samples")
    async def samples(epoch: int, model: str = Query(max_length=1000)) -> dict[str, Any]:
        return await asyncio.to_thread(_samples, models.get(model), epoch)

    return router


def _course(served: ServedModel) -> dict[str, Any]:
    """Return the losses of a training by step, its length, and the epochs that have samples."""
    folder = served.run.folder
    try:
        log = folder.read_log()
    except RunError as error:
        raise ApiError(404, str(error)) from None
    totals = [served.run.config.training.total_steps, *(line["total_steps"] for line in log if "total_steps" in line)]
    return {
        "training": _curve(log, "loss"),
        "validation": _curve(log, "validation_loss"),
        "step": log[-1]["step"] if log else 0,
        "total_steps": totals[-1],
        "is_finished": folder.metrics_file.exists(),
        "weights_step": served.version.step,
        "is_newest": served.version.is_newest(folder),
        "epochs": sorted(_epoch_files(served)),
    }


def _curve(log: Sequence[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    """Return steps and finite losses in nats per token, averaged where there are too many."""
    lines = [(line["step"], line[name]) for line in log if name in line and abs(line["step"]) < _LARGEST]
    points = np.array([point for point in lines if abs(point[1]) < _LARGEST], dtype=float).reshape(-1, 2)
    parts = np.array_split(points, min(len(points), _MAX_POINTS) or 1)
    return [tuple(part.mean(axis=0).tolist()) for part in parts if len(part)]


def _epoch_files(served: ServedModel) -> dict[int, Path]:
    files = served.run.folder.samples_folder.glob("*.txt")
    return {
        int(match[1]): file
        for file in files
        if (match := _EPOCH_FILE.fullmatch(file.name)) and file.is_file() and not file.is_symlink()
    }


def _samples(served: ServedModel, epoch: int) -> dict[str, Any]:
    """Return the samples after an epoch, each with its temperature.

    Raises:
        ApiError: the epoch has no samples.
    """
    files = _epoch_files(served)
    if epoch not in files:
        raise ApiError(404, f"there are no samples of epoch {epoch}: the page lists the epochs that have some")
    try:
        text = read_own_file(files[epoch]).decode(errors="replace")
    except OSError as error:
        raise ApiError(404, f"the samples of epoch {epoch} cannot be read: {error.strerror}") from None
    _, *parts = _SAMPLE.split(text)
    return {
        "grid": GRID,
        "samples": [
            {"temperature": float(temperature), "text": text[:-1], **_shown(served, text[:-1])}
            for temperature, text in zip(parts[::2], parts[1::2], strict=True)
        ],
    }


def _shown(served: ServedModel, text: str) -> dict[str, Any]:
    """Return the strokes or notes of a sample; nothing if its text cannot be read back."""
    codec = served.run.codec
    try:
        return dict(sample_parts(codec.decode(codec.encode_text(text).tolist())))
    except CodecError:
        return {}
