"""What a run came to: numbers and the pages that show them.

trades      round trips, from flat to flat, out of the fills
statistics  returns, risk and trading figures out of the equity curve
terminal    the printout at the end of a run
"""
