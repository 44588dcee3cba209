"""Tables are never cut: not in a pipe, and not on a narrow terminal."""

import io
import sys
from decimal import Decimal

import pytest

from planar.cli.answer import stacked, table

COLUMNS = ("id", "symbol", "side", "status", "price", "stop", "client id")
ROW = ("12345678901", "BTC/USDT:USDT", "sell", "partially-filled", Decimal("29811.50"), None, "c" * 32)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(monkeypatch, out: io.StringIO, width: int) -> list[str]:
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    table(COLUMNS, [ROW, ROW], nothing="None.")
    return [line.strip() for line in out.getvalue().splitlines() if line.strip()]


def test_in_a_pipe_a_row_is_one_line_however_long(monkeypatch):
    lines = printed(monkeypatch, io.StringIO(), 80)
    assert [line.split() for line in lines[2:]] == 2 * [
        ["12345678901", "BTC/USDT:USDT", "sell", "partially-filled", "29,811.5", "–", "c" * 32]
    ]


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_narrow_terminal_each_row_is_told_in_lines_that_fit_with_every_value_whole(monkeypatch, width):
    lines = printed(monkeypatch, Terminal(), width)
    assert max(map(len, lines)) <= max(width, len(f"client id {'c' * 32}"))
    told = " ".join(lines)
    for whole in ("id 12345678901", "symbol BTC/USDT:USDT", "side sell", "status partially-filled", "price 29,811.5"):
        assert told.count(whole) == 2


def test_what_is_not_known_is_left_out_of_a_row_that_is_told_in_lines():
    assert stacked(("id", "stop", "price"), ("1", None, Decimal(7)), 80) == ["id 1  price 7"]
    assert stacked(("id", "price"), ("1", Decimal(7)), 8) == ["id 1", "  price 7"]
