"""Fill models in files are what was written, and mistakes in them are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planar
from planar.engine.fill_file import fill_model_of, read_model, write_model
from planar.errors import ConfigError
from planar.simulator.drawn import Recorded, Sampled
from planar.simulator.fill_model import LIMIT_FILLS, PATHS, PROFILES, FillModel

shares = st.floats(0, 0.5, allow_subnormal=False)
latencies = st.lists(st.integers(0, 10**6), min_size=1).map(Recorded) | st.builds(
    Sampled, median=st.floats(1, 1e4), sigma=st.floats(0, 2)
)
models = st.builds(
    FillModel,
    path=st.sampled_from(PATHS),
    latency_ms=st.integers(0, 10**6) | latencies,
    spread=st.none() | st.just("estimated") | shares,
    impact=st.none() | st.just("square_root") | shares,
    stop_slippage=shares,
    participation=st.none() | st.floats(0.01, 1),
    limit_fill=st.sampled_from(LIMIT_FILLS),
    news_ms=st.integers(0, 10**6) | latencies,
    slippage=shares | st.lists(st.floats(-0.5, 0.5), min_size=1).map(Recorded),
    seed=st.integers(0, 2**60),
)


@given(models)
def test_a_model_is_read_as_it_was_written(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("models") / "model.toml"
    write_model(path, model, ["From a test."])
    assert fill_model_of(str(path)) == model


def test_profiles_and_models_are_themselves():
    assert fill_model_of("ideal") == PROFILES["ideal"]
    assert fill_model_of(FillModel(latency_ms=3)) == FillModel(latency_ms=3)


def test_what_a_file_leaves_out_is_the_default(tmp_path):
    (tmp_path / "model.toml").write_text("latency_ms = 90\n")
    assert read_model(tmp_path / "model.toml") == FillModel(latency_ms=90)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latency = 90", "has no 'latency'; it has path, latency_ms"),
        ("latency_ms = -1", "latency_ms=-1 must be whole milliseconds"),
        ("path", "is not TOML"),
    ],
)
def test_mistakes_are_told_with_the_file(tmp_path, text, told):
    path = tmp_path / "model.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"model.toml: .*{told}"):
        read_model(path)


def test_a_backtest_takes_a_file(tmp_path):
    write_model(tmp_path / "model.toml", PROFILES["ideal"], [])
    run, same = (planar.backtest("sma_cross", fill=fill) for fill in (str(tmp_path / "model.toml"), "ideal"))
    assert run.fills.equals(same.fills)
