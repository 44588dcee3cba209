"""The command line: each module parses, calls and prints; no logic.

backtest   planar backtest
live       planar live | paper
steer      planar status | pause | resume | lock | unlock | close | stop, drawn by panel
adopt      planar adopt
attach     planar attach
logs       planar logs
service    planar service
alerts     planar alerts test
detach     planar live --detach
cold       the first run of a program that lasts
sessions   planar sessions | journal | replay, whose --step is in step
parity     planar parity, drawn by causes
data       planar data import | fetch | list | rules
check      planar check, drawn by finding
config     planar config show | set | encrypt | decrypt
look       planar balance | ticker | book | orders | fills | positions
watch      planar watch, drawn by screen
trade      planar buy | sell | cancel
exchanges  planar exchanges list | add | remove | test | sync-time | capabilities
doctor     planar doctor
venue      planar venue

options    options that several commands have
ask        one exchange for one command
answer     tables and documents
failure    what went wrong
"""

import sys

from cyclopts import App, CycloptsError

import planar
from planar.errors import PlanarError, Unknown

DONE, INPUT, USAGE, INTERNAL, DOUBT, INTERRUPTED = 0, 1, 2, 3, 4, 130

app = App(
    name="planar",
    version=planar.__version__,
    help="Strategies, backtested and traded by one engine.",
    suppress_keyboard_interrupt=False,
)
COMMANDS = {
    "backtest": ("backtest:backtest", "Run a strategy over candles and print what happened."),
    "live": ("live:live", "Trade a strategy at an exchange, or on the demo."),
    "paper": ("live:paper", "Trade a strategy with play money at an exchange's market."),
    "sessions": ("sessions:sessions", "Sessions of paper and live: running, stopped, crashed."),
    "status": ("steer:status", "How running sessions stand, or one of them."),
    "attach": ("attach:attach", "A session as it goes on: books, orders, decisions, speed."),
    "logs": ("logs:logs", "What a session did and warned of."),
    "pause": ("steer:pause", "No new entries in a session, until it is resumed."),
    "resume": ("steer:resume", "Let a paused session go on."),
    "lock": ("steer:lock", "No new entries of a session in one instrument."),
    "unlock": ("steer:unlock", "Let a session make entries in an instrument again."),
    "adopt": ("adopt:adopt", "What an account has beside a session's books, taken into them."),
    "close": ("steer:close", "Close a session's positions at market; it goes on."),
    "stop": ("steer:stop", "Stop a session, with or without closing its positions."),
    "service": ("service:service", "A systemd unit for a session."),
    "alerts": ("alerts:app", "Whether messages of sessions arrive."),
    "journal": ("sessions:journal", "What a session saw, asked for and was told."),
    "replay": ("sessions:replay", "Run a session again from its journal, bit for bit."),
    "parity": ("parity:parity", "How near a session came to its simulation, and what every difference is worth."),
    "check": ("check:check", "Does a strategy load, compile, warm up, see the future?"),
    "data": ("data:app", "Fetch or import candles, funding, trades and rules into the store, and list what is stored."),
    "config": ("config:app", "Show and change settings; encrypt keys."),
    "exchanges": ("exchanges:app", "Which there are, what they can do, whether they answer."),
    "doctor": ("doctor:doctor", "Look whether anything stands in the way of trading, with remedies."),
    "ticker": ("look:ticker", "The market of the last 24 hours, and now."),
    "book": ("look:book", "An order book."),
    "balance": ("look:balance", "What is owned."),
    "orders": ("look:orders", "Open orders, or the last ones."),
    "fills": ("look:fills", "The last own executions."),
    "positions": ("look:positions", "Open positions in derivatives."),
    "watch": ("watch:watch", "Markets and one's own account, live, until Ctrl-C."),
    "buy": ("trade:buy", "Buy by hand."),
    "sell": ("trade:sell", "Sell by hand."),
    "cancel": ("trade:cancel", "Cancel orders by hand."),
    "venue": ("venue:venue", "Run a local exchange that speaks Binance's spot protocol."),
}
"""Where each command is, loaded when it is used; in the order of help."""

for _sort, (_name, (_place, _help)) in enumerate(COMMANDS.items()):
    app.command(f"planar.cli.{_place}", name=_name, help=_help, sort_key=_sort)


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits.

    0 done, 1 the user's input or the exchange's no, 2 usage, 3 internal, 4 nobody knows whether it was done, 130
    interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    sys.exit(_run([w for w in words if w != "--debug"], is_debug, as_json="--json" in words))


def _run(words: list[str], is_debug: bool, *, as_json: bool) -> int:
    from planar.cli.failure import say_error, say_failure

    try:
        app(words, exit_on_error=False, print_error=not as_json, result_action="return_value")
    except CycloptsError as error:
        if as_json:
            say_failure(error, str(error), as_json=True)
        return USAGE
    except KeyboardInterrupt as interrupt:
        say_error(f"Interrupted; {str(interrupt) or 'nothing was saved.'}")
        return INTERRUPTED
    except PlanarError as error:
        if is_debug:
            raise
        say_failure(error, str(error), as_json=as_json)
        return DOUBT if isinstance(error, Unknown) else INPUT
    except BrokenPipeError:
        return DONE
    except Exception as error:
        if is_debug:
            raise
        remedy = "This is a fault of Planar; run again with --debug and report it."
        say_failure(error, f"internal error: {type(error).__name__}: {error}. {remedy}", as_json=as_json)
        return INTERNAL
    return DONE
