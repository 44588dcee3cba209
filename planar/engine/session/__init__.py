"""Paper and live: one strategy at one exchange, its journal, and what it sees.

trader     the strategy and its books, without I/O
recorder   a trader and its journal; replay
wish       what somebody wants to run; whether a session that is there is that
origin     what a session begins from
beginning  asks for it
moments    when to decide
watchdog   hooks that do not come to their end
decisions  those that come too late, or raise
feed       closed candles, in order and without holes
paper      an account of play money at a real market
claims     who alone trades a derivative of an account
operator   what somebody may do with a session that runs
folder     where sessions are kept, and which of them run
control    the socket on which one is told
line       who tells it
status     how it stands
log        what it did and warned of, as lines
alerts     what somebody wants to be told while he is away
recovery   what a session was, and what became of its orders meanwhile
live       the session: all of it together
ended      sessions before it, and the memory that they still take
build      a session from what its caller asks for
archive    sessions that were or are, read from their journals
lines      a journal as lines: filtered, exported
stepping   one decision, made again hook by hook
story      what a session saw, asked for and got, without running its strategy
shadow     the session's orders on the simulated exchange
comparison  orders beside their shadows; the score
shadowing  a shadow beside a running session
attribution  what each difference is worth, and why
reruns     its strategy as a backtest over the same candles
market_candles  candles that were missing or have changed since
listed     which there are now: by the store, or by the exchange
calibration  a fill model measured on sessions
parity     sessions and their simulation, as told
preflight  what is checked before the first order
assumed    rules and fees that were counted on, and are otherwise
trial      a session that another is begun from, and whether it has shown enough
safety     limits, kill switch, the day's loss and the account, watched over together
day        what was lost since 00:00 UTC
markets    whether they are traded
reconcile  the books and the account, compared again and again
adoption   what the account has beside, taken into the books
accounting what one has more or less than the other, and why
words      what stands in a journal, in sentences
"""
