"""What an exchange does in the end: the last of all cases."""

from contract.cases import Place, case
from contract.order_cases import refusal


@case("is closed once, and then says so")
async def closed(at: Place) -> None:
    await at.exchange.close()
    await at.exchange.close()
    with refusal("CLOSED"):
        await at.exchange.ticker(at.symbol)
