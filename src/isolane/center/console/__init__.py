"""The console: what a dispatcher keeps open all day.

Flow: a request comes in, the store is asked, a page or a fragment goes out; the page then follows the API's streams.
May import: core, wire, security, config, center/store.
Lives here: templates, view models (plain data made for one template), and the style sheets and ES modules a page needs.
Does not live here: any fact of its own; what a page shows, the API can be asked for.
"""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Folder served under ``/static``; ``vendor`` in it is filled by tools/frontend and may be absent."""
