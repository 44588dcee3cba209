"""A decision is made again as it was, hook by hook, with what each saw and changed; one that raised too."""

import asyncio
from contextlib import suppress

import pytest
from engine.session.retold import retold
from engine.session.trading import Raises, exchange_at, running, session_at, venue

from planar.engine.session.archive import journal
from planar.engine.session.stepping import Stepping
from planar.errors import ConfigError, StrategyError


def stepped(stepping):
    """The hooks of a decision: what each was, saw, and left; and what was asked for."""
    calls = []

    def around(call):
        before = call.memory()
        call.run()
        calls.append((call, before, call.memory()))

    return calls, stepping.run(around)


@pytest.fixture(scope="module", params=["grid_maker", "momentum_rotation"])
def told(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    retold(folder, request.param)
    return journal(folder)


def test_each_decision_asks_for_what_it_asked_for(told):
    asking = [entry for entry in told if entry.kind == "step" and entry.body["asks"]]
    for entry in asking[:: max(len(asking) // 4, 1)]:
        stepping = Stepping(told, moment=entry.body["time"])
        calls, asked = stepped(stepping)
        assert (stepping.time, asked) == (entry.body["time"], stepping.asked)
        assert len(asked) == len(entry.body["asks"])
        assert calls


def test_a_hook_sees_its_candle_its_memory_its_account_and_its_orders(told):
    step = next(e for e in told if e.kind == "step" and any(ask[0] == "place" for ask in e.body["asks"]))
    id = next(ask[1] for ask in step.body["asks"] if ask[0] == "place")
    later = next(e for e in told if e.number > step.number and e.kind == "step" and e.body["asks"])
    calls, _ = stepped(Stepping(told, moment=later.body["time"]))
    call = calls[-1][0]
    for k, (symbol, sight) in enumerate(call.saw.items()):
        rows = [e.body for e in told if e.kind == "candle" and e.body[0] == k and e.number < later.number]
        shown = sight["candle"]
        assert [shown[name] for name in ("open", "high", "low", "close", "volume")] == rows[-1][2:], symbol
        assert {"cash", "position"} <= sight["broker"].keys()
    assert Stepping(told, order=id).time == step.body["time"], "the decision that asked for that order"


def test_memory_that_a_hook_changes_is_seen_before_and_after(tmp_path):
    retold(tmp_path, "grid_maker")
    entries = journal(tmp_path)
    steps = [entry.body["time"] for entry in entries if entry.kind == "step"]
    changes = []
    for time in steps[:40]:
        for call, before, after in stepped(Stepping(entries, moment=time))[0]:
            assert call.saw[call.symbol]["self"] == before
            changes += [(before, after)] if before != after else []
    assert changes
    assert all(before.keys() == after.keys() == {"top"} for before, after in changes)


def test_what_is_not_there_is_refused(told):
    last = max(entry.body["time"] for entry in told if entry.kind == "step")
    with pytest.raises(ConfigError, match=r"there is no decision at .* or later: the last was at"):
        Stepping(told, moment=last + 1)
    with pytest.raises(ConfigError, match="no decision of this session asked for order 99999"):
        Stepping(told, order=99_999)


def test_the_decision_that_ended_a_session_is_stepped_through_to_where_it_raised(tmp_path):
    async def scene():
        async with venue() as there, exchange_at(there.port) as exchange:
            with suppress(StrategyError):
                async with running(session_at(tmp_path / "one", exchange, Raises)) as work:
                    await asyncio.wait([work], timeout=20)

    asyncio.run(scene())
    entries = journal(tmp_path / "one")
    stepping = Stepping(entries, moment=1 + max(e.body["time"] for e in entries if e.kind == "step"))
    seen = []
    with pytest.raises(StrategyError, match="it does not like this candle"):
        stepping.run(lambda call: (seen.append(call.saw[call.symbol]["self"]["count"]), call.run()))
    assert (stepping.asked, seen[-1]) == (None, 2)
