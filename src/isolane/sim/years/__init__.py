"""Years of a site at 1 Hz in minutes, with what was really so: chargers that fall ill, sensors that err.

Purpose: data with ground truth to judge health models by. The physics is that of `sim.physics`, written for arrays;
with `Scatter.none()` both agree, with the default each charger differs from its equations.

    plan = Plan(seed=1, chargers=(Charger(id="DC-01", faults=(Fault(kind="clog", level=0.7, onset_day=100,
                ramp_days=120),)),), days=365, idle_step_s=60)
    year = Year(plan)
    for chunk in year.chunks():  # Chunk(charger, start_utc, step_s, signals: key -> numpy array, NaN is a gap)
        ...
    year.truth.as_dict()  # complete after the last chunk; year.truth.write(path) for truth.json

A chunk's samples are `step_s` apart, the first at UTC second `start_utc`. Days come in order, in a day the chargers in
order, of a charger its chunks in order. With `idle_step_s=1` a chunk is a charger's whole day (86,400 samples, the day
begins at 04:30); with 60 spans at 1 Hz (a car from 2 minutes before to 30 minutes after) alternate with spans at
1/60 Hz. Keys are whole (`1.0/EVSE/DCCurrent`), units and resolutions are `sensors.unit_and_step(key)`; values float32,
registers and counters float64 (a year's watt-hours need more than 24 bits). A consumer may keep the arrays.

The truth holds, for each charger: `faults` (onset_utc, level, limit_level, limit_utc: when the latent level reaches its
derating, trip or published limit, null if never; envelope_by_day), `derated_utc` (when power was really reduced first),
`sessions` (begin_utc, end_utc, car, energy_wh, power_limit_min, theta: mean latent level of each fault by name),
`structure` (its own figures).

Flow: plan -> arrivals -> lanes (what feeds back, second by second, many sessions at once) -> frame (a day as arrays) ->
signals -> sensors -> chunk.
May import: core, sim.physics; numpy.
Lives here: `plan`, `faults`, `structure`, `arrivals`, `climate`, `lags`, `lanes`, `dc_body`, `frame`, `dc_day`,
`station_day`, `session_day`, `box_day`, `sensors`, `truth`, `year`.
Does not live here: sockets, protocols, anything that judges.
"""
