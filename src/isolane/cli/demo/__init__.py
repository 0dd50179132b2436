"""`isolane demo`: the whole product on one machine, watched and judged.

Flow: `site` lays the folder out; `children` starts the processes; `figures` reads their metrics pages; `view` shows
both channels side by side; `verdict` judges bills, books and privacy at the end.
May import: everything.
Lives here: what it takes to run the other commands together.
Does not live here: anything those commands do themselves.
"""

from isolane.cli.demo.command import DESCRIPTION, configure, run

__all__ = ["DESCRIPTION", "configure", "run"]
