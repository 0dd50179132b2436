"""Signed commands as a ground to attack: a gateway that listens to them, whoever owns broker and center, and people.

Flow: `court` runs a case: `standing` starts relay, tap, charger, CSMS, mosquitto, the center and the gateway of
`gateway`, whose clocks the harness moves; `people` have keys, `forge` breaks envelopes and payloads in one way each;
the steps that `assaults` names bring them; `observed` holds what was seen to the observables. A case that says nothing
is executed ends with a true command of the same kind, which is: what was refused was refused for what was wrong.
"""
