"""What it costs to look at a command: `python -m bench.commands`."""
