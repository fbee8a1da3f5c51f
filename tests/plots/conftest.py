"""The tests of plots draw them."""

import pytest


@pytest.fixture(autouse=True)
def drawn(rendered_plots: None) -> None:
    """Draw every plot."""
