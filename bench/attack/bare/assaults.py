"""This file names the attacks that need no relay under load; importing it registers their steps."""

from bench.attack.bare import box_steps, clocks, installs, materials, updates

__all__ = ["box_steps", "clocks", "installs", "materials", "updates"]
