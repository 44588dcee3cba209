"""What markets did, at rest, and where it comes from.

candles      the one gate for candle frames: ``checked``, ``infer_timeframe``, ``gaps``
faults       rows that no market can have
histories    the gate for funding rates and market trades
known        the gate for rows of one's own that are joined to candles
files        one Parquet or CSV file into a frame, and into the store
store        ``Store``: candles, funding rates, market trades and rules of many instruments in one DuckDB file
tables       what is in that file, and files of before
catalog      which series it has
rows         their rows
imports      where they came from
asked        spans that an exchange was asked for, and what is missing besides
rules        an exchange's rules as they were seen, and those in force at a time
connection   opening the file for a moment, with patience and clear errors
synthetic    a seeded market for demonstrations and tests
"""
