"""Paper and live: one strategy at one exchange, its journal, and what it sees.

trader     the strategy and its books, without I/O
recorder   a trader and its journal; replay
origin     what a session begins from
feed       closed candles, in order and without holes
live       the session: all of it together
"""
