"""What the center takes, keeps and answers, beside VictoriaMetrics that is written to directly.

Flow: simulated chargers -> blocks -> the intake (decode, telemetry, catalogue) -> the lake -> questions; the same
samples -> remote write -> VictoriaMetrics -> the same questions. Then a fleet of thousands over the real wire.
Lives here: the load, the peer, the table and the verdict. `make bench-center`.
"""
