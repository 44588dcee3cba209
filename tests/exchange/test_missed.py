"""What was missed is asked for whole, or it is said what cannot be had."""

import pytest
from exchange.recorded import START, run

from planar.exchange.missed import MARGIN, missed
from planar.exchange.tap import Kind


def prints(count, step):
    return [
        {"a": i, "p": f"{100 + i}.5", "q": "0.1", "f": i, "l": i, "T": START + i * step // 2, "m": i % 2 == 0}
        for i in range(count)
    ]


def found_since(since, answer):
    async def test(server, exchange):
        server.answers["GET /api/v3/aggTrades"] = answer
        server.answers["GET /api/v3/time"] = lambda asked: {"serverTime": START + 3_600_000}
        return [trade async for trade in missed(exchange, Kind.TRADES, "BTC/USDT", since, [], [])]

    return run(test)


@pytest.mark.parametrize("count", [10, 1_001, 1_002, 3_500])
def test_prints_that_the_last_page_does_not_reach_are_asked_for_also_those_of_its_first_millisecond(count, caplog):
    stored = prints(count, 100)

    def answer(asked):
        if "startTime" not in asked:
            return stored[-int(asked["limit"]) :]
        since, until = int(asked["startTime"]), int(asked["endTime"])
        return [one for one in stored if since <= one["T"] <= until][: int(asked["limit"])]

    found = found_since(START, answer)
    assert {int(trade.id) for trade in found} == set(range(count))
    assert not caplog.records


def test_it_is_said_when_the_exchange_gives_no_prints_that_old(caplog):
    stored = prints(5_000, 100)
    found = found_since(START, lambda asked: stored[-1_000:])
    assert int(found[0].id) == 4_000
    assert f"prints of BTC/USDT from {START} to {START + 200_000} ms are missing" in caplog.text
    assert MARGIN < 200_000
