"""Generation starts without torch and scikit-learn."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["seqloom.api", "seqloom.generation", "seqloom.kernels", "seqloom.sampling"])
def test_a_module_imports_neither_torch_nor_sklearn(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{'torch', 'sklearn'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_help_needs_no_numpy() -> None:
    code = "import sys, seqloom.cli.commands; print(*sorted({'torch', 'sklearn', 'numpy'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_import_changes_no_environment_variable() -> None:
    code = (
        "import os; before = dict(os.environ); import seqloom.api, seqloom.lm.train; assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
