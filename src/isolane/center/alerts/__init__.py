"""What needs a person, said once: rules over samples, books and certificates make alerts, and alerts make messages.

Flow: the store's ports, at the rules' own pace -> rules -> alerts by cause -> the store -> ways out.
May import: core, wire, security, config, center.store.
Lives here: rules, deduplication, grouping, silences, escalation; webhook, Alertmanager and e-mail.
Does not live here: what is shown of an alert (console), who may acknowledge it (people).
"""
