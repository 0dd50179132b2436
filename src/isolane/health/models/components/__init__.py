"""Components: what wears in a charger, one pure file each.

Purpose: turn the rows of one place into features of one kind of part, and into findings that need no history.
Flow: window → watch → findings; ten minutes → interval → features; session → stretch → features.
May import: core, wire, security, config, devices; numpy; `window`, `measure`, `model` beside it.
Lives here: one file per component, and what several need: `fit` (least squares), `held` (conditions that have to last),
laws of life that deserve their own file (`wear`). docs/reference/models tells each with its sources.
Does not live here: what becomes of features (course), which models a place has (catalogue).
"""
