"""What tests of sessions share."""

import pytest

from planar.engine.session import decisions


@pytest.fixture
def patient(monkeypatch):
    """No decision is stale: on a machine that does much else an accelerated market is soon ahead."""
    monkeypatch.setattr(decisions, "STALE_SHARE", 1e6)
    monkeypatch.setattr(decisions, "STALE_MS", 10**12)
