"""Each test has a cache of its own for market metadata, and leaves no exchange alive."""

import pytest

from planar.exchange import registry


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_living", {})
    monkeypatch.setattr(registry, "_custom", {})
