"""CCXT's errors as ours: class is retry policy, code is reason, message is remedy, and nothing secret in any."""

import inspect

import pytest

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.error_map import CODES, OF_WRITES, UNCERTAIN, UNREACHABLE, Asked, translated
from planar.exchange.quirks import quirk_of
from planar.exchange.scrub import Scrubber
from planar.exchange.wire import Wire


@pytest.fixture(scope="module")
def errors():
    from ccxt.base import errors

    return errors


def ask(is_write=False, **more):
    keys = "user/secrets.toml, section [exchanges.binance]"
    return Asked("binance", "binance", "the ticker", is_write, keys, codes=quirk_of("binance").codes, **more)


def seen(error, *, is_write=False, requests=1, sent=1, status=None, headers=None):
    wire = Wire(requests=requests, sent=sent if is_write else 0, status=status, headers=headers or {})
    found = translated(error, ask(is_write), wire, Scrubber())
    assert isinstance(found, ExchangeError)
    assert found.exchange == "binance"
    return found


def test_every_class_of_ccxt_has_a_code(errors):
    classes = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert classes - set(CODES) == set()
    assert set(CODES) - classes == set()


def test_codes_keep_the_names_that_the_documents_promise():
    assert {"RATE_LIMIT", "INSUFFICIENT_FUNDS", "INVALID_ORDER", "ORDER_NOT_FOUND", "AUTHENTICATION"} <= {
        *CODES.values()
    }


def test_a_read_is_unreachable_or_rejected_and_never_unknown(errors):
    for name, code in CODES.items():
        found = seen(getattr(errors, name)("binance no"))
        assert type(found) is (Unreachable if code in UNREACHABLE | OF_WRITES else Rejected), name


def test_a_read_that_is_answered_as_if_it_had_placed_an_order_was_not_answered(errors):
    for error in (errors.InsufficientFunds, errors.DuplicateOrderId, errors.OrderImmediatelyFillable):
        found = seen(error('binance {"code":-2010,"msg":"Account has insufficient balance."}'))
        assert isinstance(found, Unreachable)
        assert found.code == "BAD_RESPONSE"


def test_a_write_whose_outcome_is_not_told_is_unknown(errors):
    for name in ("OperationFailed", "NetworkError", "RequestTimeout", "ExchangeNotAvailable", "BadResponse"):
        assert isinstance(seen(getattr(errors, name)("binance no"), is_write=True), Unknown), name
    # An error code that CCXT does not know may mean anything.
    assert isinstance(seen(errors.ExchangeError('binance {"code":-9,"msg":"?"}'), is_write=True), Unknown)
    assert isinstance(seen(KeyError("spot"), is_write=True), Unknown)


def test_a_write_that_was_clearly_refused_is_rejected_and_one_turned_away_at_the_door_may_be_sent_again(errors):
    assert isinstance(seen(errors.InsufficientFunds("binance no"), is_write=True), Rejected)
    assert isinstance(seen(errors.RateLimitExceeded("binance no"), is_write=True, status=400), Unreachable)
    assert isinstance(seen(errors.DDoSProtection("binance no"), is_write=True, status=429), Unreachable)
    assert isinstance(seen(errors.InvalidNonce("binance no"), is_write=True, status=400), Unreachable)


def test_ddos_protection_of_a_server_that_failed_tells_nothing_of_a_write(errors):
    assert isinstance(seen(errors.DDoSProtection("binance no"), is_write=True, status=503), Unknown)


def test_a_write_that_was_never_sent_is_not_unknown(errors):
    assert isinstance(seen(KeyError("x"), is_write=True, requests=0, sent=0), Rejected)
    assert isinstance(seen(errors.ExchangeNotAvailable("binance no"), is_write=True, sent=0), Unreachable)


def test_codes_of_which_the_outcome_is_open_are_known_codes():
    assert {*CODES.values(), "CONNECTOR_FAULT", "TLS"} >= UNCERTAIN


def test_a_message_says_who_what_why_and_what_to_do(errors):
    told = 'binance {"code":-2010,"msg":"Account has insufficient balance."}'
    found = seen(errors.InsufficientFunds(told), is_write=True)
    assert str(found) == (
        "binance: the ticker failed: Account has insufficient balance (-2010). See what is free, and in which wallet: "
        "`planar balance binance --type spot`."
    )


def test_a_wrong_key_names_the_file_and_section_the_permissions_the_allow_list_and_the_clock(errors):
    text = str(seen(errors.AuthenticationError('binance {"code":-2015,"msg":"Invalid API-key."}')))
    for part in ("user/secrets.toml, section [exchanges.binance]", "permissions", "IP allow-list", "sync-time"):
        assert part in text


def test_missing_keys_say_where_to_fill_them_in(errors):
    found = seen(errors.AuthenticationError('binance requires "apiKey" credential'), requests=0)
    assert found.code == "AUTHENTICATION"
    assert str(found).endswith("It needs keys: fill in user/secrets.toml, section [exchanges.binance].")


def test_a_clock_that_is_off_names_the_command_that_mends_it(errors):
    assert "planar exchanges sync-time" in str(seen(errors.InvalidNonce("binance Timestamp for this request…")))


def test_a_key_that_stops_working_is_no_ban_whatever_ccxt_makes_of_it(errors):
    found = seen(
        errors.DDoSProtection('binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}')
    )
    assert (type(found), found.code) == (Rejected, "AUTHENTICATION")


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("BadRequest", 'binance {"code":-1013,"msg":"Filter failure: NOTIONAL"}', "BELOW_MIN_COST"),
        ("InvalidOrder", 'binance {"code":-2010,"msg":"Duplicate order sent."}', "DUPLICATE_ORDER_ID"),
        ("OrderNotFillable", 'binance {"code":-5022,"msg":"Post only."}', "POST_ONLY_WOULD_TAKE"),
        ("OrderImmediatelyFillable", "binance Stop price would trigger immediately.", "STOP_WOULD_TRIGGER"),
        ("OrderImmediatelyFillable", "binance Order would immediately match and take.", "POST_ONLY_WOULD_TAKE"),
        ("OperationRejected", 'binance {"code":-2022,"msg":"no"}', "REDUCE_ONLY_WOULD_INCREASE"),
    ],
)
def test_binance_codes_are_told_apart_where_ccxt_does_not(errors, kind, said, code):
    found = seen(getattr(errors, kind)(said), is_write=True, status=400)
    assert (type(found), found.code) == (Rejected, code)


def test_an_exchange_that_serves_no_one_here_is_no_passing_trouble(errors):
    found = seen(errors.ExchangeNotAvailable("binance GET … 451"), status=451)
    assert (type(found), found.code) == (Rejected, "RESTRICTED_LOCATION")


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("0.5", 0.5), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None)]
)
def test_retry_after_is_read_as_seconds_or_as_a_date(errors, text, seconds):
    found = seen(errors.DDoSProtection("binance no"), status=429, headers={"retry-after": text})
    assert found.retry_after == seconds


def test_a_date_to_retry_after_is_read_by_the_clock_of_who_gave_it(errors):
    headers = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:29:30 GMT"}
    assert seen(errors.DDoSProtection("binance no"), status=429, headers=headers).retry_after == 90.0
