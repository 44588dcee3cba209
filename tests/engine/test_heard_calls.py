"""What `planar check` hears of a run: a call that is not heard could tell nobody where the future was seen."""

import inspect

from planar.engine.lookahead.heard import CALLS
from planar.strategy.interpreted import Broker

NOTES_AND_READS = {"order", "log", "mark", "plot"}


def test_every_call_that_asks_the_exchange_for_something_is_heard():
    methods = {name for name, value in vars(Broker).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert methods - NOTES_AND_READS == set(CALLS)
