"""Channel B as a ground to attack: a gateway that delivers, mosquitto as `isolane init` configures it, the center.

Flow: `ground` starts them beside relay and tap; `feed` is the gateway's process, told what to measure;
`door` stands between gateway and center and may lead elsewhere, to `hostile`; `stored` reads what the center has kept.
"""
