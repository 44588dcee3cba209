"""The simulated market's assumptions, as values.

books        an account in continuous time
fill_model   FillModel and its named profiles
records      assumptions and rules, written into the kernel's records
"""
