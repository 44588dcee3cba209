"""The nouns, without I/O.

instrument   one tradable thing: its steps, minimums, fees and units
order        sides, kinds, statuses, reasons; the records of orders, fills and events
tiers        brackets of leverage, and the table of them that the kernel reads
timeframe    "1h" and its length in milliseconds
"""
