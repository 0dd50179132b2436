"""The peers: programs around foreign OCPP and WebSocket libraries. They know nothing of isolane.

A server prints its port, then, for each line on its standard input, what its connections have seen since. A client
gets its orders as one JSON argument, prints one report per case and ends. A report is a list of facts, each a kind and
a value, in the order in which they happened.
"""
