"""What exchanges say when they do not answer: on the wire, through the real CCXT class, for a read and a write."""

from decimal import Decimal

import pytest
from exchange.recorded import Fault, answers, breaks_off, drops, hangs, run

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.model import OrderRequest
from planar.model.order import Side

ORDER = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal(100))


def api(number, message, status=400):
    return answers(status, f'{{"code":{number},"msg":"{message}"}}')


def page(status):
    return answers(status, "<html>no</html>", content_type="text/html")


# fault, code, what a read fails as, what a write fails as
ROWS: dict[str, tuple[Fault, str, type, type]] = {
    "bad signature": (api(-1022, "Signature for this request is not valid."), "AUTHENTICATION", Rejected, Rejected),
    "wrong key": (
        api(-2015, "Invalid API-key, IP, or permissions for action.", 401),
        "AUTHENTICATION",
        Rejected,
        Rejected,
    ),
    "key format": (api(-2014, "API-key format invalid."), "AUTHENTICATION", Rejected, Rejected),
    "clock": (
        api(-1021, "Timestamp for this request is outside of the recvWindow."),
        "CLOCK",
        Unreachable,
        Unreachable,
    ),
    "unknown symbol": (api(-1121, "Invalid symbol."), "UNKNOWN_SYMBOL", Rejected, Rejected),
    "429": (answers(429, "slow down"), "RATE_LIMIT", Unreachable, Unreachable),
    "418": (answers(418, "banned"), "RATE_LIMIT", Unreachable, Unreachable),
    "-1003": (api(-1003, "Too many requests."), "RATE_LIMIT", Unreachable, Unreachable),
    "-1015": (api(-1015, "Too many new orders."), "RATE_LIMIT", Unreachable, Unreachable),
    "500": (answers(500, "oops"), "NOT_AVAILABLE", Unreachable, Unknown),
    "502": (page(502), "NOT_AVAILABLE", Unreachable, Unknown),
    "503": (answers(503, "busy"), "NOT_AVAILABLE", Unreachable, Unknown),
    "504": (answers(504, "late"), "TIMEOUT", Unreachable, Unknown),
    "-1007": (api(-1007, "Timeout waiting for response from backend server.", 503), "TIMEOUT", Unreachable, Unknown),
    "-1001": (
        api(-1001, "Internal error; unable to process your request.", 500),
        "OPERATION_FAILED",
        Unreachable,
        Unknown,
    ),
    "403 page": (page(403), "NOT_AVAILABLE", Unreachable, Unknown),
    "451": (answers(451, "not here"), "RESTRICTED_LOCATION", Rejected, Rejected),
    "200 page": (page(200), "BAD_RESPONSE", Unreachable, Unknown),
    "200 cut short": (answers(200, '{"symbol":'), "BAD_RESPONSE", Unreachable, Unknown),
    "a code of tomorrow": (api(-9999, "Something new."), "EXCHANGE_ERROR", Rejected, Unknown),
    "hang": (hangs(), "TIMEOUT", Unreachable, Unknown),
    "breaks off": (breaks_off(), "NETWORK", Unreachable, Unknown),
    "drop": (drops(), "NOT_AVAILABLE", Unreachable, Unknown),
}


def caught(path, ask, fault):
    async def test(server, exchange):
        await exchange.open_orders("BTC/USDT")
        server.fail(path, fault, fault)
        with pytest.raises(ExchangeError) as found:
            await ask(exchange)
        return found.value

    return run(test, retries=0, window=10, timeout=150)


@pytest.mark.parametrize("row", ROWS)
def test_a_read_that_is_not_answered(row):
    fault, code, kind, _ = ROWS[row]
    error = caught("GET /api/v3/openOrders", lambda exchange: exchange.open_orders("BTC/USDT"), fault)
    assert (type(error), error.code, error.exchange) == (kind, code, "binance")


@pytest.mark.parametrize("row", ROWS)
def test_a_write_that_is_not_answered(row):
    fault, code, _, kind = ROWS[row]
    error = caught("POST /api/v3/order", lambda exchange: exchange.place(ORDER), fault)
    assert (type(error), error.code, error.exchange) == (kind, code, "binance")
