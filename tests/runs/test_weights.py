"""Reading weights that another program wrote."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from seqloom.errors import RunError
from seqloom.runs.layout import RunFolder


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_number_types_that_numpy_lacks_are_reported(tmp_path: Path, dtype: torch.dtype) -> None:
    save_file({"head.bias": torch.zeros(2).to(dtype)}, tmp_path / "model.safetensors")
    with pytest.raises(RunError, match=r"model\.safetensors is damaged"):
        RunFolder(tmp_path).read_weights()
