"""Puts the parts together: builds a simulation, runs it, keeps its result.

backtest      planar.backtest(...): the public call
market        what is traded: instruments with their candles, and where all of it comes from
history       the candles: given as frames, out of a store, or of the synthetic market
candidates    who may become a member of a universe by rule
joined        what is joined to them: other instruments, funding rates, frames of one's own
perpetual     mark candles and funding of a perpetual, as the kernel gets them
margin_data   where they come from: given, stored, made up
rules         rules and fees of the instruments: given, as their exchange listed them, or read off their candles
simulation    builds the kernel's state and runs it in slices
interpret     runs the hooks of an interpreted strategy
run           Run: the result of a backtest
frames        its orders, fills and notes as frames
curve         its equity, worked out from the fills
believe       what to know before believing it: data, assumptions, costs, refusals
unprotected   how long positions were held without a stop
fetch         what an exchange has into the store: the public call
fetcher       a fetch on its way: tasks, pieces, pages, outages
sources       what can be fetched: candles, mark candles, funding rates, market trades
listed_rules  an exchange's rules into the store, and from there into a backtest
suggest       what to type next, for messages
check         planar check: look-ahead and warm-up
lookahead     how look-ahead is found: other futures, what they change, and the author's line
warm_up       after how many candles each column has settled
doctor        planar doctor: what stands in the way of trading
watch         planar watch: several feeds of one exchange
picture       what is known of watched markets, as events come
"""
