"""What places orders for a strategy at an exchange, and remembers it.

journal      what a session saw, asked for and was told, in order
terms        the kernel's whole numbers as requests of the exchange, and its fills as whole numbers
gate         whether it may, and why not
pace         how long orders are on their way
live         sends what is asked for, hears what becomes of it
"""
