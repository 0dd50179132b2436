"""`isolane update`: versions of isolane side by side on a box, and the way from one to another and back.

Flow: `command` takes the words apart; `bundle` makes, signs and takes in what is to be installed; `versions` has the
folders and the links that say which version is in force; `build` makes one in its folder; `units` starts what runs and
says whether it is well; `idle` says whether anybody is charging; `turn` goes from one version to another.
May import: everything, lazily.
Lives here: what root does on a box.
Does not live here: what a release is (security.release), who may sign (security.key_manifest).
"""

from isolane.cli.update.command import DESCRIPTION, configure, run

__all__ = ["DESCRIPTION", "configure", "run"]
