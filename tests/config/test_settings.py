"""What ``user/planar.toml`` and the environment mean together."""

from pathlib import Path

import pytest

from planar.config.edit import set_value
from planar.config.load import load
from planar.errors import ConfigError

DOCUMENTED = """\
# Binance configuration
[binance]
leveraged = "from"  # Leverage mode for margin trading
sandbox = false     # Use production environment
timeout = 30000            # Request timeout in milliseconds
rateLimit = 1200           # Rate limit in milliseconds
enableRateLimit = true     # Enable automatic rate limiting

[bybit]
futures = true      # Enable futures trading
testnet = true

[exchanges.kucoin]
futures = false     # Spot trading only
priority = 2
baseUrl = "http://127.0.0.1:9999"
rateLimit = {orders = 10, requests = 1200, weight = 1200}

[routing]
failover = true
latencyBased = false
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "planar.toml").write_text(DOCUMENTED)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "planar.toml").write_text(text)
    return folder


def test_without_a_file_all_is_default(tmp_path):
    settings = load(tmp_path, {}).settings
    assert settings.defaults.exchange == "demo"
    assert (settings.exchange("binance").timeout, settings.exchange("binance").sandbox) == (30_000, False)


def test_the_documents_spellings_are_read(folder):
    settings = load(folder, {}).settings
    binance, bybit, kucoin = (settings.exchange(name) for name in ("binance", "bybit", "kucoin"))
    assert (binance.leveraged, binance.sandbox) == ("from", False)
    assert (binance.rate_limit, binance.enable_rate_limit) == (1200, True)
    assert (bybit.futures, bybit.sandbox) == (True, True)
    assert (kucoin.priority, kucoin.base_url) == (2, "http://127.0.0.1:9999")
    assert (kucoin.limits.orders, kucoin.limits.requests, kucoin.limits.weight) == (10, 1200, 1200)
    assert (settings.routing.failover, settings.routing.latency_based) == (True, False)


def test_the_environment_goes_before_the_file_and_says_so(folder):
    config = load(folder, {"BINANCE_TESTNET": "true", "PLANAR__KUCOIN__LIMITS__ORDERS": "7", "UNRELATED": "x"})
    assert config.settings.exchange("binance").sandbox
    assert config.settings.exchange("kucoin").limits.orders == 7
    assert config.sources["exchanges.binance.sandbox"] == "environment BINANCE_TESTNET"
    assert config.sources["exchanges.kucoin.limits.orders"] == "environment PLANAR__KUCOIN__LIMITS__ORDERS"
    assert config.sources["exchanges.bybit.sandbox"] == str(folder / "planar.toml")


def test_what_is_said_of_one_exchange_goes_before_what_is_said_of_all(folder):
    environment = {"EXCHANGE_REQUEST_TIMEOUT": "12.5", "EXCHANGE_MAX_RETRIES": "5", "RATE_LIMIT_BUFFER": "0.2"}
    settings = load(folder, environment).settings
    assert settings.exchange("binance").timeout == 30_000
    assert settings.exchange("bybit").timeout == settings.exchange("kraken").timeout == 12_500
    assert settings.exchange("binance").retries == 5
    assert settings.exchange("binance").limit_buffer == 0.2


@pytest.mark.parametrize(("old", "new"), [("gateio", "gate"), ("coinbasepro", "coinbaseexchange"), ("Huobi", "htx")])
def test_names_that_went_out_of_use_mean_the_exchange_of_today(tmp_path, old, new):
    settings = load(written(tmp_path, f"[{old}]\ntimeout = 5"), {}).settings
    assert settings.exchanges[new].timeout == 5


def test_a_custom_exchange_is_known_by_its_connector(tmp_path):
    settings = load(written(tmp_path, '[mydex]\nconnector = "mine:MyDex"'), {"MYDEX_TESTNET": "yes"}).settings
    assert settings.exchange("mydex").connector == "mine:MyDex"
    assert settings.exchange("mydex").sandbox


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[binanse]\n", r"planar.toml: \[binanse\] is neither a section nor an exchange. Did you mean 'binance'\?"),
        ("[routting]\n", r"\[routting\] is neither a section nor an exchange. Did you mean 'routing'\?"),
        ("[binance]\ntimout = 3", r"planar.toml: \[binance\] has no setting 'timout'. Did you mean 'timeout'\?"),
        ("[binance]\nsandbox = true\ntestnet = true", r"sets sandbox and testnet, which are the same"),
        ("[binance]\n[exchanges.binance]\n", r"'binance' has two sections, \[binance\] and \[exchanges.binance\]"),
        ('[binance]\ntimeout = "3"', r"\[binance\]: timeout = '3' must be a whole number \(ms\)"),
        ("[binance]\ntimeout = 300000", r"timeout = 300000 must be at most 120000 \(ms\)"),
        (
            '[defaults]\nexchange = "binanse"',
            r"defaults.exchange: there is no exchange 'binanse'. Did you mean 'binance'",
        ),
        ('[binance]\nproxy = "127.0.0.1:8080"', r"proxy = '127.0.0.1:8080' must be an address with scheme, host and"),
        ('[binance]\nproxy = "http://u:pw@x.org"', r"proxy = 'http://•+@x.org' must be an address"),
        ('[binance]\nproxy = "http://u:pw@x.org:soon"', r"proxy = 'http://•+@x.org:soon' must be an address"),
        ("[binance]\ntimeout = 0", r"timeout = 0 must be at least 1 \(ms\)"),
        ("[binance]\nrateLimit = true", r"rateLimit = True must be a whole number"),
        ('[binance]\naccounts = "hedge"', r"accounts = 'hedge' must be a list of texts"),
        ('[binance]\nleveraged = "twice"', r"leveraged = 'twice' must be one of '', 'from', 'to', 'both'"),
        ("[binance]\nlimit_buffer = 1.0", r"limit_buffer = 1.0 must be a fraction below 1"),
        ("[strategies.x]\nparms = {}", r"\[strategies.x\] has no setting 'parms'. Did you mean 'params'\?"),
        (
            "[strategies.x.risk]\ndayly_loss = 1",
            r"\[strategies.x.risk\] has no setting 'dayly_loss'. Did you mean 'daily_",
        ),
        ("[risk]\nprice_collar = 2", r"price_collar = 2.0 must be a fraction below 1"),
        ("binance = 3", r"binance = 3 must be a section, as in \[binance\]"),
        ("timeout =\n", r"planar.toml is not TOML \(line 1\)"),
    ],
)
def test_a_mistake_in_the_file_names_file_section_key_and_remedy(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(written(tmp_path, text), {})


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("PLANAR__BINANCE__TIMOUT", "3", r"PLANAR__BINANCE__TIMOUT names no setting. Did you mean 'timeout'\?"),
        ("PLANAR__BINANSE__TIMEOUT", "3", r"\[binanse\] is neither .*. Did you mean 'binance'\?"),
        ("PLANAR__TIMEOUT", "3", r"PLANAR__TIMEOUT names no setting; write a section and its key"),
        ("PLANAR__BINANCE__TIMEOUT", "soon", r"PLANAR__BINANCE__TIMEOUT: timeout = 'soon' must be a whole number"),
        ("BINANCE_TESTNET", "maybe", r"BINANCE_TESTNET: sandbox = 'maybe' must be true or false"),
        ("EXCHANGE_REQUEST_TIMEOUT", "soon", r"EXCHANGE_REQUEST_TIMEOUT = 'soon' must be a number of seconds"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(tmp_path, variable, text, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, {variable: text})


def test_what_is_said_of_one_strategys_risk_goes_before_what_is_said_of_all(tmp_path):
    text = "[risk]\ndaily_loss = 50\nmax_order_cost = 10\n[strategies.grid.risk]\ndaily_loss = 9\n[strategies.sma]\n"
    environment = {"PLANAR__STRATEGIES__SMA__RISK__HALTED": "true"}
    settings = load(written(tmp_path, text), environment).settings
    assert settings.risk_of("grid").limits == {"daily_loss": 9, "max_order_cost": 10}
    assert (
        settings.risk_of("sma").limits == settings.risk_of("other").limits == {"daily_loss": 50, "max_order_cost": 10}
    )
    assert (settings.risk_of("sma").halted, settings.risk_of("other").halted) == (True, False)
    assert set_value("strategies.grid.risk.daily_loss", "7", tmp_path) == (9, 7)
    assert load(tmp_path, {}).settings.risk_of("grid").daily_loss == 7


def test_setting_a_value_keeps_comments_order_and_spelling(folder):
    assert set_value("exchanges.binance.timeout", "60000", folder) == (30_000, 60_000)
    assert set_value("routing.latency_based", "yes", folder) == (False, True)
    expected = DOCUMENTED.replace("timeout = 30000 ", "timeout = 60000 ")
    expected = expected.replace("latencyBased = false", "latencyBased = true")
    assert (folder / "planar.toml").read_text() == expected


def test_setting_a_value_makes_section_and_file_where_there_are_none(tmp_path):
    assert set_value("kraken.timeout", "50000", tmp_path) == (None, 50_000)
    assert set_value("kraken.limits.orders", "2", tmp_path) == (None, 2)
    assert load(tmp_path, {}).settings.exchange("kraken").limits.orders == 2


def test_a_value_is_set_where_the_exchange_stands(folder):
    set_value("kucoin.timeout", "7", folder)
    set_value("kucoin.limits.orders", "5", folder)
    kucoin = load(folder, {}).settings.exchange("kucoin")
    assert (kucoin.timeout, kucoin.limits.orders, kucoin.limits.weight) == (7, 5, 1200)


@pytest.mark.parametrize("name", ["binance.timout", "binanse.timeout", "timeout", "binance.timeout.x"])
def test_nothing_is_written_for_a_setting_that_does_not_exist(folder, name):
    with pytest.raises(ConfigError, match=r"names no setting|is neither"):
        set_value(name, "60000", folder)
    assert (folder / "planar.toml").read_text() == DOCUMENTED


def test_nothing_is_written_for_a_value_that_is_wrong(folder):
    with pytest.raises(ConfigError, match="timeout = 'soon' must be a whole number"):
        set_value("binance.timeout", "soon", folder)
    assert (folder / "planar.toml").read_text() == DOCUMENTED
    assert [path.name for path in folder.iterdir()] == ["planar.toml"]


@pytest.mark.parametrize("text", ['["main", "hedge"]', "main, hedge", "main,hedge"])
def test_a_list_is_set_as_the_file_would_hold_it_or_with_commas(tmp_path, text):
    set_value("demo.accounts", text, tmp_path)
    assert load(tmp_path, {}).settings.exchange("demo").accounts == ("main", "hedge")


@pytest.mark.parametrize("before", ["", "[strategies.sma_cross]\nparams = {slow = 50}\n"])
def test_a_parameter_of_a_strategy_is_set_by_its_name(tmp_path, before):
    (tmp_path / "planar.toml").write_text(before)
    assert set_value("strategies.sma_cross.params.fast", "12", tmp_path) == (None, 12)
    assert set_value("strategies.sma_cross.params.fast", "15", tmp_path) == (12, 15)
    set_value("strategies.sma_cross.params.kind", "ema", tmp_path)
    params = load(tmp_path, {}).settings.strategies["sma_cross"].params
    assert {**params, "slow": 50} == {"slow": 50, "fast": 15, "kind": "ema"}
    assert ("slow" in params) is bool(before)
