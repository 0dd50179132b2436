"""Pictures of every page of the console, in both themes, on a desktop and on a phone.

Flow: `chargers` makes values -> `fleet` sends them as gateways would, through the center's intake -> `scene` serves
the center on a free port -> `pages` reads the application's own route table -> a real Chromium -> build/screenshots.
Lives here: a small world with one of everything that goes wrong; tests of the console look at the same world.
"""
