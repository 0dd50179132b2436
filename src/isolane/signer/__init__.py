"""The signing service: one person's key, on that person's own machine, and a page that shows what it is about to sign.

Flow: the center is asked for a proposal by its name; from the payload's exact bytes, this release's own catalogue and
    the pinned key manifest the page says what would be done to which charger; a passphrase later the key signs those
    bytes, a line of the own log is on the disk, and the signature goes back to the center.
May import: core, wire, security, config.
Lives here: the link to the center, the examination, the pinned manifest, the locked key, the log, the page and its
    guard.
Does not live here: proposing and relaying (center), deciding (the gateway), making keys (`isolane keys`). Nothing that
    the center says beside the payload's bytes is shown or believed.
"""
