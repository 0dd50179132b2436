"""The relay against what it must not be worse than: a direct connection, HAProxy (http mode), nginx.

Flow: `__main__` starts an echoing CSMS, the contestants and a load of raw chargers, each its own process, lets them
take turns in rounds, and prints what each adds. Ratios travel between machines, absolutes do not.
"""
