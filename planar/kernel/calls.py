"""The kernel's calls as compiled strategies reach them: linked, so that a strategy compiles without the kernel."""

from planar.kernel import check, contracts, exits, ledger, members
from planar.kernel import protect as protection
from planar.kernel.linked import F, I, linked

submit = linked(I(I, I, I, I, F, F, I, F, F, F, F, I, I, I, I, I, I, I))(check.submit)
submit_plain = linked(I(I, I, I, F, F, I))(check.submit_plain)
cancel = linked(I(I, I, I))(check.cancel)
cancel_all = linked(I(I, I))(check.cancel_all)
amend = linked(I(I, I, I, F, F, F))(check.amend)
close = linked(I(I, I, F, I))(check.close)
close_when = linked(I(I, I, I, F, I, I))(check.close_when)
target = linked(I(I, I, F, I))(check.target)
wish = linked(I(I, I, I, F, F))(exits.wish)
protect = linked(I(I, I, I, F, F, I, I))(protection.protect)
set_leverage = linked(I(I, I, F))(contracts.set_leverage)
add_margin = linked(I(I, I, F))(contracts.add_margin)
quote = linked(I(I, I, I, I, I, F, F, I, I))(check.quote)
arrive = linked(I(I, I, I))(members.arrive)
note = linked(I(I, I, I, I, I, F, F, F, F))(ledger.note)
