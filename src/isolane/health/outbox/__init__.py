"""What was sampled is kept here until the center has it, and is accounted for to the sample.

Flow: rows are packed into blocks; the store numbers a block and commits it with its books in one transaction; each
    link's cursor hands out what is due; an answer of the center, a drop or an expiry takes it out, books included.
May import: core, wire, config.
Lives here: packing, lanes, the durable store, gap records, the books (ledger), the cursor of each link.
Does not live here: any network; reading devices; what the center does with a block.

"Produced" begins at the commit: rows that were only in memory when the process was killed were never produced, and
the hole in time shows as absent rows. From the commit on, produced = acknowledged + queued + thinned + dropped.
"""
