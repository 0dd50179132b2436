"""The command line: the composition root, one lazily imported file per process.

Flow: arguments go in; the settings file is read; one room is started with its own table.
May import: everything, but each command imports its room only when it runs.
Lives here: commands, their help, the assembly of a site's folder (`init`), its checks (`check`) and the demo.
Does not live here: anything a room needs at run time.
"""
