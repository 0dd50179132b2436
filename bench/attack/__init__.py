"""The attack cases against our own relay and tap, on loopback.

Flow: `cases` reads the YAML, `fill` writes its variables out, `ground` starts a relay, a tap, a CSMS and well-behaved
chargers for each case, a driver does the steps, `judge` holds the expectations and the observables to what was seen.
A step, an expectation or an observable that is not known is an error, never a pass; a case that does not fit the
product stands in reasons.toml and is listed with its reason.
"""
