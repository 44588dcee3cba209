"""Of a group of linked orders only one can have what it is for (docs/simulation.md, section 13): on any markets."""

from collections import defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parity.play import KernelPlayer
from reference.scenarios import linked_scenario

LINKED = st.randoms(use_true_random=False).map(linked_scenario)
LOUD = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Grouped(KernelPlayer):
    """Remembers who was linked to whom, and what each order was for."""

    def __init__(self, scenario):
        self.groups: dict[int, int] = {}
        self.amounts: dict[int, int] = {}
        super().__init__(scenario)

    def order(self, k, side, size, value, terms):
        answer = super().order(k, side, size, value, terms)
        if isinstance(answer, int) and terms["oco"] is not None:
            self.groups[answer] = self.groups.setdefault(terms["oco"], terms["oco"])
        return answer

    def do(self, now, k, act):
        first = self.asked()
        super().do(now, k, act)
        for id in range(first, self.asked()):
            self.amounts[id] = int(self.simulation.log("orders")[id]["amount"])


@settings(LOUD, max_examples=300)
@given(LINKED)
def test_two_orders_of_a_group_never_both_fill(scenario):
    """Where a partial fill cancels the others, one alone trades; where it reduces them, all together trade no more than
    the largest of them was for."""
    try:
        player = Grouped(scenario)
    except (OverflowError, ValueError):
        return
    members = defaultdict(list)
    for id, group in player.groups.items():
        members[group].append(id)
    orders, amended = player.simulation.log("orders"), set(player.simulation.log("amends")["order"].tolist())
    for ids in members.values():
        traded = [int(orders[id]["filled"]) for id in ids]
        if scenario.instruments[orders[ids[0]]["instrument"]].partial == "cancel":
            assert sum(units > 0 for units in traded) <= 1
        elif not amended & set(ids) and not orders[ids]["by_cost"].any():
            assert sum(traded) <= max(player.amounts[id] for id in ids)
