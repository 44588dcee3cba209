"""One living exchange for each exchange, environment and account."""

import asyncio
import gc
import os
import sys
import threading
from decimal import Decimal

import pytest
from exchange.recorded import recorded

from planar.errors import ConfigError, Rejected
from planar.exchange.interface import Exchange
from planar.exchange.model import Balance, Book, Ticker, Wallet
from planar.exchange.registry import close, close_all, get, register_exchange


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("BINANCE", "PLANAR__", "EXCHANGE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path):
    """A user's folder; call it with the texts of its files."""

    def write(settings="", secrets=""):
        user = tmp_path / "user"
        user.mkdir(exist_ok=True)
        (user / "planar.toml").write_text(settings)
        path = user / "secrets.toml"
        path.write_text(secrets)
        path.chmod(0o600)
        return user

    return write


class Own(Exchange):
    """A custom exchange as small as they come."""

    closed = 0

    async def markets(self, *, reload=False):
        return {}

    async def ticker(self, symbol):
        return Ticker(symbol, 1, Decimal(1), *[None] * 10)

    async def book(self, symbol, depth=20):
        return Book(symbol, 1, 1, (), ())

    async def balance(self, wallet=Wallet.SPOT):
        return Balance(wallet, 1, {}, {}, {})

    async def place(self, request):
        raise NotImplementedError

    async def cancel(self, id, symbol):
        raise NotImplementedError

    async def order(self, id, symbol, *, client_id=""):
        raise NotImplementedError

    async def open_orders(self, symbol=None):
        return []

    async def disconnect(self):
        self.closed += 1


def test_the_same_key_gives_the_same_instance_and_another_key_another(folder):
    user = folder("[binance]\naccounts = ['hedge']\n")
    first = get("binance", folder=user)
    assert get("Binance", folder=user) is first
    others = [get("binance", sandbox=True, folder=user), get("binance", account="hedge", folder=user)]
    assert len({id(one) for one in [first, *others]}) == 3
    assert [one.name for one in others] == ["binance (sandbox)", "binance/hedge"]


def test_threads_that_ask_at_once_get_one_instance(folder):
    user, found = folder(), []
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        found.append(get("binance", folder=user))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1


def test_a_sandbox_that_is_configured_wins_over_the_argument(folder):
    user = folder("[binance]\ntestnet = true\n")
    assert get("binance", sandbox=False, folder=user).sandbox


def test_keys_of_the_sandbox_and_of_production_never_cross(folder):
    secrets = """
        [exchanges.binance]
        apiKey = "production"
        secret = "production"
        [exchanges.binance_sandbox]
        apiKey = "sandbox"
        secret = "sandbox"
        [exchanges.bybit]
        apiKey = "production"
        secret = "production"
    """
    user = folder(secrets=secrets)

    def key(exchange, sandbox):
        credentials = get(exchange, sandbox=sandbox, folder=user)._credentials
        return credentials and credentials.api_key.reveal()

    assert [key("binance", False), key("binance", True)] == ["production", "sandbox"]
    assert key("bybit", True) is None


def test_a_private_request_without_keys_of_that_account_names_the_section(folder):
    async def test():
        async with recorded() as server:
            user = folder(f"[binance]\nbase_url = '{server.address}'\naccounts = ['hedge']\n")
            async with get("binance", account="hedge", folder=user) as exchange:
                with pytest.raises(Rejected) as caught:
                    await exchange.balance()
                assert caught.value.code == "AUTHENTICATION"
                assert "section [exchanges.binance.accounts.hedge]" in str(caught.value)

    asyncio.run(test())


def test_an_unknown_account_is_answered_with_the_nearest(folder):
    user = folder("[binance]\naccounts = ['hedge']\n")
    with pytest.raises(ConfigError, match="Did you mean 'hedge'"):
        get("binance", account="hegde", folder=user)


def test_an_unknown_exchange_is_answered_with_the_nearest(folder):
    with pytest.raises(ConfigError, match="Did you mean 'binance'"):
        get("binanse", folder=folder())


def test_other_settings_or_keys_for_a_living_exchange_are_an_error(folder):
    user = folder("[binance]\ntimeout = 1000\n")
    get("binance", folder=user)
    folder("[binance]\ntimeout = 2000\n")
    with pytest.raises(ConfigError, match="in use with other settings"):
        get("binance", folder=user)
    folder("[binance]\ntimeout = 1000\n", "[exchanges.binance]\napiKey = 'a'\nsecret = 'b'\n")
    with pytest.raises(ConfigError, match="in use with other settings or keys"):
        get("binance", folder=user)


def test_async_with_closes_with_the_last_user(folder):
    user = folder()
    register_exchange("mine", Own)

    async def test():
        async with get("mine", folder=user) as outer:
            async with get("mine", folder=user) as inner:
                assert inner is outer
            assert not outer.is_closed
        assert (outer.is_closed, outer.closed) == (True, 1)
        assert get("mine", folder=user) is not outer

    asyncio.run(test())


def test_closing_is_done_once_and_a_closed_exchange_is_made_anew(folder):
    user = folder()
    register_exchange("mine", Own)

    async def test():
        first = get("mine", folder=user)
        await asyncio.gather(first.close(), first.close(), close("mine", folder=user))
        assert first.closed == 1
        second = get("mine", folder=user)
        assert second is not first
        await close_all()
        assert second.closed == 1

    asyncio.run(test())


def test_closing_finds_the_test_environment_that_is_configured(folder):
    user = folder("[mine]\nsandbox = true\nconnector = 'exchange.test_registry:Own'\n")

    async def test():
        exchange = get("mine", folder=user)
        await close("mine", folder=user)
        assert exchange.is_closed

    asyncio.run(test())


def test_another_living_event_loop_is_refused(folder):
    user = folder()

    async def use():
        return get("binance", folder=user)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(use())
        with pytest.raises(ConfigError, match="lives in another event loop"):
            second.run(use())


def test_an_exchange_got_outside_of_any_loop_belongs_to_the_first_that_uses_it(folder):
    async def fetch(exchange):
        await exchange.markets()

    async def serve():
        async with recorded() as server:
            exchange = get("binance", folder=folder(f"[binance]\nbase_url = '{server.address}'\n"))
            exchange.loop = None
            await fetch(exchange)
            assert exchange.loop is asyncio.get_running_loop()
            return exchange

    with asyncio.Runner() as first, asyncio.Runner() as second:
        exchange = first.run(serve())
        with pytest.raises(ConfigError, match="belongs to another event loop"):
            second.run(fetch(exchange))
        first.run(exchange.close())


def test_after_its_event_loop_is_gone_an_exchange_is_made_anew_and_leaks_nothing(folder):
    async def fetch():
        async with recorded() as server:
            exchange = get("binance", folder=folder(f"[binance]\nbase_url = '{server.address}'\n"))
            await exchange.markets()
            return exchange

    first = asyncio.run(fetch())  # never closed: the loop is, first
    second = get("binance", folder=folder())
    assert second is not first
    assert first.is_closed
    del first
    gc.collect()  # an open session would warn here, and warnings are errors


def test_a_custom_exchange_is_loaded_by_module_and_class(folder, tmp_path, monkeypatch):
    (tmp_path / "my_connector.py").write_text("from exchange.test_registry import Own as Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    user = folder("[mine]\nconnector = 'my_connector:Mine'\n")
    exchange = get("mine", folder=user)
    assert exchange.id == "mine"
    assert type(exchange).__name__ == "Own"


@pytest.mark.parametrize("place", ["user", "."])
def test_a_custom_exchange_is_found_in_the_users_folder_and_in_the_working_one(folder, tmp_path, monkeypatch, place):
    name = f"dex_{'user' if place == 'user' else 'here'}"
    user = folder(f"[mine]\nconnector = '{name}:Mine'\n")
    (tmp_path / place / f"{name}.py").write_text("from exchange.test_registry import Own as Mine\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert type(get("mine", folder=user)).__name__ == "Own"
    assert sys.path == before


@pytest.mark.parametrize(
    ("connector", "told"),
    [
        ("nowhere", "module:Class"),
        ("nowhere:Mine", r"cannot be loaded.*belongs into .*user/nowhere.py"),
        ("decimal:Decimal", "is no planar.exchange"),
    ],
)
def test_a_connector_that_is_none_is_named(folder, connector, told):
    with pytest.raises(ConfigError, match=told):
        get("mine", folder=folder(f"[mine]\nconnector = '{connector}'\n"))


def test_a_name_is_registered_for_one_class_only():
    register_exchange("mine", Own)
    register_exchange("mine", Own)
    with pytest.raises(ConfigError, match="registered already"):
        register_exchange("mine", "other:Class")


def test_the_demo_exchange_trades_without_keys_and_without_a_network(folder):
    from planar.exchange.model import OrderRequest
    from planar.model.order import Side, Status

    async def play():
        async with get("demo", folder=folder("")) as demo:
            placed = await demo.place(OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(100)))
            balance = await demo.balance()
            return demo.is_real, placed, balance

    is_real, placed, balance = asyncio.run(play())
    assert not is_real
    assert placed.status == Status.FILLED
    assert Decimal(99) < placed.cost <= Decimal(100)
    assert balance.total["USDT"] == 10_000 - placed.cost
    assert balance.total["BTC"] == placed.filled - placed.fees["BTC"]


def test_a_demo_that_lists_something_else_than_the_last_one_knows_its_own_markets(folder):
    from planar.venue.config import VenueConfig

    async def listed(*symbols):
        async with get("demo", folder=folder("")) as demo:
            demo.plays(VenueConfig(instruments=symbols, history=10))
            return sorted(await demo.markets())

    assert asyncio.run(listed("ETH/USDT")) == ["ETH/USDT"]
    assert asyncio.run(listed("BTC/USDT")) == ["BTC/USDT"]


def test_what_a_custom_exchange_cannot_do_is_refused_with_its_name(folder):
    register_exchange("mine", Own)

    async def test():
        async with get("mine", folder=folder()) as exchange:
            with pytest.raises(Rejected, match="mine does not offer positions") as caught:
                await exchange.positions()
            assert caught.value.code == "NOT_SUPPORTED"
            assert (await exchange.tickers(["A/B"]))["A/B"].last == 1

    asyncio.run(test())


def test_an_exchange_without_a_test_environment_says_so(folder):
    async def test():
        async with get("kraken", sandbox=True, folder=folder()) as exchange:
            with pytest.raises(Rejected, match="kraken has no test environment"):
                await exchange.markets()

    asyncio.run(test())
