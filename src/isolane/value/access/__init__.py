"""Who may come in, and with what: certificate, profile, password, and in whose name the gateway asks the CSMS.

Flow: door → admission → (client_certificate, credentials, profiles) → learning, retrofit → upstream.
May import: files of value beside the rooms; learning asks upstream.
Lives here: what a charger must prove, what is kept of it, what is learned from the CSMS, and this table's settings.
Does not live here: TLS itself (security, door/listener_tls); rates of strangers (door/entrance).
"""
