"""What commands cost: a look at one, and a flood of forged ones beside the business.

Flow: `looks` times the checks; `flood` starts broker, relay, tap and gateway, lets chargers (`callers`) talk through
the relay to a `csms` while `flooder` floods, and compares p99 with spans in which the same flood goes to nobody.
Lives here: what is measured and judged. Does not live here: the processes, which are the product's.
"""
