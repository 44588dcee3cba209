"""The dead-man's switch of a session: renewed while it lives, ended with it, and never in the way of what protects."""

import asyncio

import pytest
from engine.session.trading import exchange_at, session_at, venue
from engine.session.watched import told, until
from exchange.elsewhere import KRAKEN, kraken
from exchange.recorded import answers, run

from planar.config.settings import Risk
from planar.engine.session import dead_man as module
from planar.engine.session.dead_man import DeadManSwitch, check_dead_man
from planar.errors import ConfigError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.quirks import DeadMan

SET = "POST /0/private/CancelAllOrdersAfter"


class Scene:
    """Kraken over the real CCXT class, and a session of which only its stops are told."""

    def __init__(self, server, exchange, seconds=60):
        kraken(server)
        server.answers[SET] = lambda given: {"error": [], "result": {}}
        self.server, self.has_stops, self.entries = server, False, []
        write = lambda kind, body: self.entries.append((kind, body["state"]))  # noqa: E731
        self.switch = DeadManSwitch(exchange, seconds, lambda: self.has_stops, write)
        self.running = asyncio.ensure_future(self.switch.run())

    @property
    def asked(self):
        return [int(given["timeout"]) for _, path, given in self.server.requests if path.endswith("OrdersAfter")]

    def stops(self, are_there):
        self.has_stops = are_there
        self.switch.look()

    async def over(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


def at_kraken(test, **options):
    async def scene(server, exchange):
        one = Scene(server, exchange, **options)
        await test(one)
        await one.over()

    run(scene, id="kraken", credentials=KRAKEN)


def test_it_is_renewed_while_the_session_lives_and_ended_when_that_stops():
    async def test(one):
        await until(lambda: len(one.asked) >= 3)
        await one.switch.end()
        await one.running
        assert set(one.asked[:-1]) == {3}
        assert one.asked[-1] == 0
        assert one.entries == [("dead_man", "armed"), ("dead_man", "ended")]

    at_kraken(test, seconds=3)


def test_while_a_stop_protects_a_position_it_is_not_set_and_then_it_is_again():
    async def test(one):
        await until(lambda: one.switch.state == "armed")
        one.stops(True)
        await until(lambda: one.switch.state == "spared")
        one.stops(False)
        await until(lambda: one.switch.state == "armed")
        assert one.asked == [60, 0, 60]
        assert [state for _, state in one.entries] == ["armed", "spared", "armed"]

    at_kraken(test)


def test_what_a_session_that_died_left_set_is_taken_back_before_anything_else():
    async def scene(server, exchange):
        one = Scene(server, exchange)
        one.has_stops = True
        await until(lambda: one.switch.state == "spared")
        assert one.asked == [0]
        await one.over()

    run(scene, id="kraken", credentials=KRAKEN)


def test_one_that_spares_stops_stays_set(monkeypatch):
    async def scene(server, exchange):
        monkeypatch.setattr(type(exchange.quirk), "dead_man", lambda self, settings: DeadMan(1, spares_stops=True))
        one = Scene(server, exchange)
        one.has_stops = True
        await until(lambda: one.switch.state == "armed")
        one.switch.look()
        assert one.asked == [60]
        await one.over()

    run(scene, id="kraken", credentials=KRAKEN)


def test_what_could_not_be_asked_is_asked_again_and_told_once(monkeypatch, caplog):
    monkeypatch.setattr(module, "PAUSE", 0.05)

    async def test(one):
        one.server.fail(SET, *[answers(200, '{"error":["EService:Unavailable"]}') for _ in range(3)])
        one.stops(True)
        await until(lambda: one.switch.state == "spared")
        assert len(one.asked) >= 4

    at_kraken(test)
    assert len([r for r in caplog.records if "could not be renewed or ended, which is tried again" in r.message]) == 1


def test_one_that_cannot_be_ended_is_told_to_go_off(monkeypatch, caplog):
    monkeypatch.setattr(module, "PAUSE", 0.05)

    async def test(one):
        await until(lambda: one.switch.state == "armed")
        one.server.fail(SET, *[answers(200, '{"error":["EService:Unavailable"]}') for _ in range(module.TRIES)])
        await one.switch.end()
        assert one.asked == [60, 0, 0, 0]

    at_kraken(test)
    assert "kraken may cancel what rests there within 60 s." in caplog.text


# Before the session begins.


def test_a_start_with_it_says_where_there_is_none_and_which_times_there_are():
    with pytest.raises(ConfigError, match=r"bybit has no dead-man's switch .* risk.dead_man = 60 asks for one"):
        check_dead_man(CcxtExchange("bybit"), 60)
    with pytest.raises(ConfigError, match=r"risk.dead_man = 5: .* okx can be set to 10 to 120 seconds"):
        check_dead_man(CcxtExchange("okx"), 5)
    check_dead_man(CcxtExchange("kraken"), 60)


def test_a_session_at_an_exchange_without_one_begins_nothing(tmp_path):
    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as exchange,
            session_at(tmp_path / "one", exchange, risk=Risk(dead_man=60)),
        ):
            pass

    with pytest.raises(ConfigError, match=r"binance has no dead-man's switch that Planar knows of"):
        asyncio.run(scene())
    assert told(tmp_path / "one", "begin") == []
