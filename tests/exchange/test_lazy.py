"""Importing the exchange layer is cheap: CCXT is loaded when an exchange is first asked something."""

import subprocess
import sys

import pytest

import planar.exchange


@pytest.mark.parametrize(
    "code",
    [
        "import planar",
        "import planar.exchange",
        "from planar.exchange import get, register_exchange",
        "from planar.exchange.ccxt_exchange import CcxtExchange\nCcxtExchange('binance')",
    ],
)
def test_ccxt_is_not_imported(code):
    listed = f"{code}\nimport sys\nprint('ccxt' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


def test_every_public_name_is_there():
    for name in planar.exchange.__all__:
        assert callable(getattr(planar.exchange, name))
    with pytest.raises(AttributeError):
        planar.exchange.nothing  # noqa: B018
