"""A local exchange that speaks Binance's protocols; matching is done by the kernel, print by print.

The venue without network:
listing        an instrument as listed; exact texts of whole numbers
prints         the market's moves: from candles, from trades, synthetic
recording      files of candles and trades
klines         candles of all lengths, made of prints
book           the order book that the fill law implies
market         the public side of a listing
order          orders, their executions, what is asked for
kernel_state   the kernel's state of an account, and what is asked of it
account        balances and orders behind one key
floor          all of that together

The protocol:
refusal        errors in the protocol's codes and words
query          parameters of a request
filters        what an order must be like
signing        keys, signatures, timestamps
limits         weights, order counts, bans
wire_market, wire_orders   documents as Binance writes them
about, public, private     endpoints
api            answers requests
ws_api         answers messages of the WebSocket API
streams, user_stream       what the market, and accounts, are told
usdm                       what is otherwise where perpetuals are listed
protocols                  which of both a venue speaks

On loopback:
config         VenueConfig: all choices
clock          real, accelerated or stepped time
chaos, faults  lies to tell, and how requests meet them
connection, sockets        WebSockets
admin          the venue's own interface
server         Venue
"""
