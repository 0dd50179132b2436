"""Several relay processes on one port: a supervisor that starts workers, and what they have to agree on.

Flow: the supervisor reserves the ports and starts N workers → each worker is a whole relay (value/app.py) that binds
the same ports with SO_REUSEPORT → link → the supervisor, which holds the identities (claims), adds up the metrics
pages and passes on SIGHUP, SIGTERM and what one worker tells the others: a failed authentication, a learned password.
No byte of a charger goes through the supervisor. With `workers = 1` nothing of this is loaded. May import: what value
may. Lives here: processes, their link, what is shared between them. Does not live here: anything that one relay alone
needs.
"""
