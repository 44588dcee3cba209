"""CCXT's unified structures as our frozen values.

numbers       decimals and times; what is missing
market_data   markets, tickers, books, public prints
account       balances, orders, fills, fees
derivatives   positions, tiers, funding
"""
