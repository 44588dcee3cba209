"""Quirks: rows and overrides per exchange, and a user's before ours."""

import re

import pytest

from planar.config.settings import ExchangeSettings
from planar.errors import ConfigError
from planar.exchange.quirks import Quirk, load_user_quirks, quirk, quirk_of, registry


@pytest.fixture(autouse=True)
def own_quirks(monkeypatch):
    monkeypatch.setattr(registry, "_users", {})
    monkeypatch.setattr(registry, "_loaded", set())


def test_an_exchange_of_which_nothing_is_known_does_as_all_do():
    assert quirk_of("bitstamp") is Quirk
    assert quirk_of("binance") is not Quirk


def test_a_users_quirk_goes_before_ours_and_may_inherit_from_it(tmp_path):
    (tmp_path / "quirks.py").write_text(
        "from planar.exchange.quirks import quirk, quirk_of\n\n"
        '@quirk("binance")\n'
        'class Patient(quirk_of("binance")):\n'
        "    receive_window_ms = 20_000\n"
    )
    load_user_quirks(tmp_path)
    load_user_quirks(tmp_path)
    assert quirk_of("binance").receive_window_ms == 20_000
    assert quirk_of("binance").codes
    assert quirk_of("binanceusdm").receive_window_ms != 20_000
    assert quirk_of("binance")().options(ExchangeSettings(), False)["recvWindow"] == 20_000


def test_two_quirks_of_ones_own_for_one_exchange_are_refused():
    @quirk("kraken")
    class First(Quirk):
        pass

    with pytest.raises(ConfigError, match="are both quirks of kraken"):

        @quirk("kraken")
        class Second(Quirk):
            pass


def test_a_file_that_fails_is_named(tmp_path):
    (tmp_path / "quirks.py").write_text("1 / 0\n")
    with pytest.raises(ConfigError, match=r"quirks.py failed: ZeroDivisionError"):
        load_user_quirks(tmp_path)


def test_no_file_is_no_error(tmp_path):
    load_user_quirks(tmp_path)


@pytest.mark.parametrize("exchange", ["binance", "kraken", "okx", "gate", "bybit", "coinbase"])
def test_client_ids_are_different_each_time_and_of_letters_that_exchanges_take(exchange):
    made = [quirk_of(exchange)().new_client_id() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(re.fullmatch(r"[a-zA-Z0-9-]{1,32}", id) for id in made)


@pytest.mark.parametrize(
    ("settings", "sandbox", "types"),
    [
        (ExchangeSettings(), False, ["spot", "linear"]),
        (ExchangeSettings(), True, ["spot"]),
        (ExchangeSettings(futures=True), False, ["linear"]),
        (ExchangeSettings(base_url="http://127.0.0.1:1"), False, ["spot"]),
    ],
)
def test_binance_lists_the_markets_that_are_meant(settings, sandbox, types):
    assert quirk_of("binance")().options(settings, sandbox)["fetchMarkets"] == {"types": types}


@pytest.mark.parametrize(
    ("exchange", "told"), [("binnance", "Did you mean 'binance'"), ("demo", "is spoken to as 'binance'")]
)
def test_a_quirk_of_an_exchange_that_there_is_not_is_refused(exchange, told):
    with pytest.raises(ConfigError, match=told):

        @quirk(exchange)
        class Mine(Quirk):
            pass


def test_a_misspelt_row_is_refused_and_what_is_only_for_oneself_is_not(tmp_path):
    with pytest.raises(ConfigError, match=r"Mine.recieve_window_ms: .* Did you mean 'receive_window_ms'"):

        @quirk("kraken")
        class Mine(Quirk):
            recieve_window_ms = 5

    class Base(Quirk):
        option = 3

    with pytest.raises(ConfigError, match=r"Base.option: .* Did you mean 'options'"):
        quirk("kraken")(type("Derived", (Base,), {}))

    @quirk("kraken")
    class Good(quirk_of("kraken")):
        receive_window_ms = 5
        _mine = 7

    assert quirk_of("kraken") is Good


def test_binance_is_asked_for_tickers_with_bid_and_ask():
    options = quirk_of("binance")().options(ExchangeSettings(), False)
    assert options["watchTicker"] == options["watchTickers"] == {"name": "ticker"}
