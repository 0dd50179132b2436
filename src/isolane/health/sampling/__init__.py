"""Readings at any time become rows at every UTC second.

Flow: sources emit into the grid; ticks say when; each tick takes one row of values and quality codes.
May import: core, wire, config.
Lives here: holding, ageing, scaling to integers, the tick that survives clock steps and frozen processes.
Does not live here: reading devices; blocks and sequence numbers.
"""
