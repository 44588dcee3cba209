"""The simulated market's assumptions, as values.

books        an account in continuous time
drawn        what is drawn: latency both ways, slippage
exits        what exchanges do with linked orders
fee_tiers    fees by the volume of 30 days
fill_model   FillModel and its named profiles
limits       the limits of a run, written into the kernel's record
records      assumptions and rules, written into the kernel's records
"""
