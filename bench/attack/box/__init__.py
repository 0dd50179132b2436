"""The box as its service units make it: a real systemd in namespaces of its own, the shipped units, users and folders.

Flow: `site` writes a site's files as an installer would; `ground` starts systemd on them in new mount, process, network
and control-group namespaces, where it is the first process, and starts units; `intruder` is what somebody does who has
taken a process over; `attempts` holds what the intruder has got to what the units promise. Needs root, systemd and a
unified control-group hierarchy; nothing of it outlives the ground, and nothing outside of the namespaces is changed.
"""
