"""Does a strategy see the future: candles after a moment are taken away or replaced, and nothing before it may change.

leak      `Leak`: a column or an order that the future changes; `Line`: of the author's file
after     `Future`: what becomes of the candles after a moment
beside    data that a module holds besides the candles: it has the same future
columns   columns on every prefix of a window, and beside those of the whole
orders    what a run asked for, beside what the whole asked for
cuts      at which moments the future is another, and the runs that are compared there
lines     which line of the author's file made a column
heard     which line asked for an order
accuse    puts what differed into words
"""
