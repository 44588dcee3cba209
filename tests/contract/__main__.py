"""Prints the list of cases for docs/contract.md."""

import contract.market_cases
import contract.order_cases
import contract.perpetual_cases
import contract.shutdown_case  # noqa: F401 - as the tests
from contract.cases import markdown

print(markdown())
