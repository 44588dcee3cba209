"""Secrets do not come back in what others write."""

import traceback

import aiohttp
import pytest
from yarl import URL

from planar.config.secrets import MASK, Secret
from planar.exchange.scrub import Scrubber, passwords_of

KEY, SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP+/="
scrub = Scrubber([Secret(KEY), Secret(SECRET)])


@pytest.mark.parametrize(
    "text",
    [
        f"binance GET https://api.binance.com/api/v3/account?timestamp=1&apiKey={KEY}&signature=abc123",
        f"{{'X-MBX-APIKEY': '{KEY}', 'signature': 'abc123'}}",
        f"wrong secret {SECRET!r} abc123"[:-6] + "signature=abc123",
        f'{{"secret":"{SECRET}","sign":"abc123"}}',
        "Authorization: Bearer abc123",
        "listenKey=abc123&x=1",
    ],
)
def test_keys_secrets_and_signatures_are_masked(text):
    found = scrub.text(text)
    assert KEY not in found
    assert SECRET not in found
    assert "abc123" not in found


def test_what_is_no_secret_stays():
    text = "binance GET https://api.binance.com/api/v3/time 503 Service Unavailable"
    assert scrub.text(text) == text
    assert scrub.text(f"key {KEY}") == f"key {MASK}"


def test_the_errors_that_an_error_came_from_are_cleaned_too():
    try:
        try:
            raise ValueError(f"https://x.com/a?signature={KEY}")
        except ValueError as inner:
            raise RuntimeError(f"failed with {SECRET}") from inner
    except RuntimeError as error:
        scrub.clean(error)
        printed = "".join(traceback.format_exception(error))
    assert KEY not in printed.split("ValueError:")[1].split("\n")[0]
    assert "failed with ••••••" in printed


def test_an_error_that_cannot_be_cleaned_is_cut_off_or_not_to_be_shown():
    secretive = aiohttp.InvalidURL(URL(f"https://x.com/a?signature=abc&apiKey={KEY}"))
    assert not scrub.clean(secretive)
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("failed") from secretive
    assert scrub.clean(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "proxy", ["http://user:hunter2%40home@127.0.0.1:1", "user:hunter2@127.0.0.1:1", "http://user:hunter2 x@127.0.0.1:1"]
)
def test_the_password_of_a_proxy_is_taken_out_wherever_it_is_quoted(proxy):
    one = Scrubber(passwords_of(proxy, ""))
    told = one.text(f"InvalidURL: {proxy}; hunter2%40home, hunter2@home, hunter2 x: Cannot connect to 127.0.0.1:1")
    assert one.text(proxy).endswith("@127.0.0.1:1")
    assert proxy not in told
    assert proxy.rpartition("@")[0].partition("user:")[2] not in told
    assert told.endswith("Cannot connect to 127.0.0.1:1")
