"""Puts the parts together: builds a simulation, runs it, keeps its result.

backtest     planar.backtest(...): the public call
market       candles and instruments from what the user gives: frames, names, the synthetic market, a store
rules        rules and fees of the instruments: given, or read off their candles
simulation   builds the kernel's state and runs it in slices
interpret    runs the hooks of an interpreted strategy
run          Run: the result of a backtest
frames       its orders, fills and notes as frames
curve        its equity, worked out from the fills
believe      what to know before believing it: data, assumptions, costs, refusals
fetch        candles from an exchange into the store
check        planar check: warm-up, and look-ahead by truncation
doctor       planar doctor: what stands in the way of trading
watch        planar watch: several feeds of one exchange
picture      what is known of watched markets, as events come
"""
