"""Candles at rest and where they come from.

candles      the one gate for candle frames: ``checked``, ``infer_timeframe``, ``gaps``
files        one Parquet or CSV file into a frame, and into the store
store        ``Store``: the candles of many instruments in one DuckDB file
asked        spans that an exchange was asked for, and what is missing besides
connection   opening that file for a moment, with patience and clear errors
synthetic    a seeded market for demonstrations and tests
"""
