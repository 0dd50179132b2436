"""The operations center as a ground to attack: its real process, two tenants, people of each role and programs.

Flow: `ground` fills a store, starts `isolane center` and logs people in; `request` writes every byte of a request
itself; a file for each attack registers its steps; `court` does a case and judges it. A step, an expectation or an
observable that nobody has registered is an error, as in the rest of the harness.
"""
