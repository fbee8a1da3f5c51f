"""Reading weights that another program wrote."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from safetensors.torch import save_file

from seqloom import files
from seqloom.errors import RunError
from seqloom.runs.layout import RunFolder


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_number_types_that_numpy_lacks_are_reported(tmp_path: Path, dtype: torch.dtype) -> None:
    save_file({"head.bias": torch.zeros(2).to(dtype)}, tmp_path / "model.safetensors")
    with pytest.raises(RunError, match=r"model\.safetensors is damaged"):
        RunFolder(tmp_path).read_weights()


def test_a_file_without_permission_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> BinaryIO:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(files, "open_own_file", refuse)
    folder = RunFolder(tmp_path)
    with pytest.raises(RunError, match=r"config\.json cannot be read: Permission denied; check its permissions"):
        folder.read_json(folder.config_file)
