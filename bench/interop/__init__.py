"""Foreign clients and servers, each pair once directly and once through the relay: their reports must be the same.

Flow: `__main__` installs the peers of `package.json` and `requirements/interop.txt` into build/interop, and for each
server and security profile of `plan` lets `ground` run the server, the relay and the clients. `facts` takes out of the
reports what may differ, each rule with its reason, and compares the rest.

Lives here: what starts, asks and compares. The peers are in `peers/`; they run without isolane.
"""
