"""``planar doctor``: what stands in the way of trading, each with its remedy.

diagnosis  `Diagnosis`: one thing that was looked at
machine    this machine: libraries, configuration, disk, store
places     which exchanges are looked at
exchange   one of them: reachable, its clock, its keys
rights     what its key may do
clock      how far its clock is from ours
"""
