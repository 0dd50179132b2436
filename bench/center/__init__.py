"""What the center takes and how fast it answers, measured in one process on this machine.

Flow: synthetic chargers -> blocks -> the intake (decode, hot store, catalogue) -> the lake -> chart questions.
Lives here: the load and the table. `python -m bench.center --help` says what can be chosen.
"""
