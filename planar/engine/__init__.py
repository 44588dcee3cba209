"""Puts the parts together: builds a simulation, runs it, keeps its result.

backtest     planar.backtest(...): the public call
market       candles and instruments from what the user gives: frames, names, the synthetic market, a store
simulation   builds the kernel's state and runs it in slices
interpret    runs the hooks of an interpreted strategy
run          Run: the result as frames and statistics
"""
