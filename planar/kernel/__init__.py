"""All that numba compiles of ours: the law of docs/simulation.md on plain records.

machine      how kernel functions are compiled and cached; records at raw addresses
linked       functions that are compiled once, when they are first reached
state        the records: one State, one Instrument each, and who keeps their arrays alive
numbers      exact whole-number money; ticks, units, rounding
estimators   spread, volatility and volume of a day, from candles
contracts    perpetuals: their books, what their orders hold, what margin is free
groups       orders of which only one can have it: what they hold together
ledger       apply: what a fill, an end or a refusal does to orders, balances and logs
match        one order meets one price: arrival, trigger, taker and maker fills
liquidation  where a perpetual's position ends, its end, and its funding
links        orders that wait for others: armed, grown, ended with them
path         a candle as a path: the open, then three legs; which path
settle       both phases of one instrument alone
prints       the kernel in continuous time, as a venue drives it
standing     how an account of contracts stands, for whoever is told of it
worth        what is owned, and what an order may cost
limits       what the limits of a run refuse
check        what a strategy may ask: rules, minimums, reservations, limits; amend, cancel
exits        the orders that are a position's exits, and how they are given up
protect      what becomes of them when they are asked for again
members      a universe by rule: who is decided on, who may only get out
candles      whether candles are what all of it takes for granted
margin       margin of futures: liquidation, bankruptcy, funding, tiers
loop         the resumable loop over steps and decisions
"""
