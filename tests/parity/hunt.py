"""Looks for the first random scenario on which a copy of planar departs from the reference: `python hunt.py COPY
LIMIT`.

Prints the number of scenarios played when it was found and what differed, or `none`.
"""

import sys
from pathlib import Path
from random import Random


def hunt(limit: int) -> str:
    """`number: difference`, or `none`."""
    from parity.play import disagreement
    from reference.contract_scenarios import contract_scenario, exits_scenario, leveraged_scenario, protected_scenario
    from reference.scenarios import (
        guarded_scenario,
        linked_scenario,
        random_scenario,
        squeezed_scenario,
        triggered_scenario,
    )

    for seed in range(limit):
        kinds = squeezed_scenario, random_scenario, guarded_scenario, linked_scenario, leveraged_scenario
        more = triggered_scenario, contract_scenario, leveraged_scenario, protected_scenario, exits_scenario
        make = (*kinds, *more)[seed % 10]
        found, _ = disagreement(make(Random(seed)))
        if found:
            return f"{seed + 1}: {found.splitlines()[0]}"
    return "none"


if __name__ == "__main__":
    copy = Path(sys.argv[1]).resolve()
    # Before the editable install's place, so that the copy is what is imported.
    sys.path[:0] = [str(copy), str(Path(__file__).parent.parent)]
    import planar

    if not Path(planar.__file__).is_relative_to(copy):
        raise SystemExit(f"planar came from {planar.__file__}, not from {copy}")
    print(hunt(int(sys.argv[2])))
