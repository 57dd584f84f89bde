"""Fixtures that more than one test module uses."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of runs for the whole test session, so that each reference runs once."""
    return tmp_path_factory.mktemp("store")
