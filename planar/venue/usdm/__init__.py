"""What the venue does otherwise where it lists perpetuals: Binance's USDⓈ-M futures, in one-way mode.

terms         rules of a perpetual that was only named
refusal       error codes and words
filters       what an order must be like
funding       when funding is paid, and what rate
kernel_state  positions, leverage and margin in the kernel
account       the orders, positions and income behind one key
wire_market, wire_orders, wire_account   documents as Binance writes them
public, private, algo, positions         endpoints
streams, user_stream                     what the market, and accounts, are told
margin_calls                             who is told that margin is nearly used up
"""
