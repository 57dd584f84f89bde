"""Fixtures that more than one test module uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of runs for the whole test session, so that each reference runs once."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def matrix(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What was taken away → what then came through; printed when the module ends, also with captured output."""
    found: dict[str, str] = {}
    yield found
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        width = max(map(len, found), default=0)
        print("".join(f"\n{name:{width}}  {what}" for name, what in found.items()))
