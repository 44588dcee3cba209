"""The shadow of a session: the same orders, simulated; beside a backtest whose fills the session was told."""

import pytest
from engine.session.retold import retold
from engine.session.test_trader import EXAMPLES

from planar.engine.session.comparison import pairs_of, prices_of, score_of
from planar.engine.session.shadow import shadow_of
from planar.simulator.fill_model import fill_model

MODEL = fill_model("pessimistic")


def pairs_in(story, shadow):
    return pairs_of(story, shadow, prices_of(story.candles()), story.end)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_shadow_of_what_a_backtest_did_does_the_same(tmp_path, name):
    story, _, _ = retold(tmp_path, name)
    pairs = pairs_in(story, shadow_of(story, MODEL))
    assert len(pairs) > 1
    for pair in pairs:
        assert pair.actual.fills == pair.expected.fills, pair.id
    score = score_of(pairs)
    assert (score.agreement, score.difference) == (1.0, 0)
