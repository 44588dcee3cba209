"""CCXT behind one interface: what an exchange knows, and what can be asked of it.

model       the nouns: markets, tickers, books, orders, fills, balances, positions, funding
interface   `Exchange`: what every exchange answers, custom ones too
"""
