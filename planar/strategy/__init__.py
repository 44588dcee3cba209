"""The author's side: what a strategy declares, sees and is compiled to.

base         Strategy, its settings and hooks; Layout of what a class declares
parameter    param, shared, array
indicator    TA-Lib under one naming scheme
candles      Candles, what ``indicators`` receives; resampling; as-of joins
columns      a strategy's columns per instrument, and the warm-up they need
load         by name, path or module:Class
source       the hooks' source, rewritten so that compiled equals interpreted
exact        what the rewritten source calls
typed        candle, self and broker as numba types
compiler     hooks in the kernel's signature, or the reason why not
interpreted  candle, orders and broker as Python objects
memory       self as a Python object whose numbers keep their types
signature    hooks, and what each of them is called with
undeclared   what a method's text alone shows to be wrong: undeclared memory, an assigned parameter, a log line
texts        tags and log lines by number
universe     every instrument at one moment, for on_step
override     a method per exchange or mode
"""
