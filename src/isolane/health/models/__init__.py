"""Models: what a charger's parts are worth, from their own signals.

Purpose: turn rows at 1 Hz into features, features into a state of health that shows its evidence, and say what to do.
Flow: rows → place (bind, check, buffer, cut into sessions) → models → features → courses → scores, levels, prognoses.
May import: core, wire, security, config, devices; numpy.
Lives here: `window`, `measure`, `model` (what every component states), `components/` (one pure file each), `course`
(baseline, estimate, drift, level), `prognosis` (what may be said about the future), `place` (one charger, EVSE or
connector with all its models).
Does not live here: how rows are made (sampling), what fleets show (center), what brakes a charger: its own protection.
"""
