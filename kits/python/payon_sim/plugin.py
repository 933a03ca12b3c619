"""Fixtures for pytest: `payon_server` for the session, `payon` for a test."""

from typing import Iterator

import pytest

from payon_sim import Server, Space


@pytest.fixture(scope="session")
def payon_server() -> Iterator[Server]:
    """The simulator: the one at PAYON_SIM_URL, else one of its own on a free port."""
    with Server() as server:
        yield server


@pytest.fixture
def payon(payon_server: Server) -> Iterator[Space]:
    """A space of the simulator that nobody else uses."""
    space = payon_server.space()
    yield space
    space.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds what the simulator knows to the message of a failed test."""
    report = (yield).get_result()
    space = getattr(item, "funcargs", {}).get("payon")
    if report.failed and call.when == "call" and isinstance(space, Space):
        try:
            report.sections.append(("payon-sim", space.report()))
        except OSError as error:
            report.sections.append(("payon-sim", f"cannot be asked: {error}"))
