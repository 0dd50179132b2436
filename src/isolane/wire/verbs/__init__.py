"""The verbs, as everybody who proposes, signs, brings or does a command knows them: declarations alone.

Flow: the center composes a command from a declaration, signers have it explained from the bytes alone, the gateway's
    gate judges by the same declaration. What a verb does stands in `health/commands/verbs`.
May import: core, and `wire.command`.
Lives here: one file a verb (name, class, people, arguments, interlocks, time, words, result); `declaration`, what each
    of them says; `catalogue`, all of them; `interlock`, what may have to hold; `explanation`, a command in words.
Does not live here: what a verb does, who may sign (security.key_manifest), whether an interlock holds (health).
"""
