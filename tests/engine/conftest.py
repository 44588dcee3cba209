"""A store, and a cache for what exchanges list, of one test alone."""

import pytest

from planar.store.store import Store


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def store(tmp_path, own_cache):
    return Store(tmp_path / "s.duckdb")
