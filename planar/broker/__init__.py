"""What places orders for a strategy at an exchange, and remembers it.

journal      what a session saw, asked for and was told, in order
terms        the kernel's whole numbers as requests of the exchange, and its fills as whole numbers
gate         whether a session may send, and why not
limits       what limits and states refuse, in words
risk         what a session's state lets through, and its limits once more when a turn to leave comes
switch       what a user throws to halt sessions
pace         how long orders are on their way
sent         orders on their way or at the exchange, found under any of their names
books        what a broker tells of orders
hearing      what the exchange says of them, told to the books once
search       what became of those that nobody could say anything of
contracts    what only perpetuals have: leverage, margin, funding, forced closes
live         the broker: sends what is asked for
"""
