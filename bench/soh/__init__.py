"""How well the health models find what the simulator lets fall ill, with the truth beside what they say.

Flow: `cases` says what falls ill -> `runs` lets it and shows the real models the rows -> `matching` holds what they
said against the truth, by `speakers` (who may speak for what), `truths` (what a score should be) and `curves`. `edge`
measures cost, `real` measured data. Lives here: the cases, the judgement, the table, the picture and the verdict.
`make bench-soh`.
"""
