"""What this machine, this installation and these folders are like, and what to mend in them: `ganzoo doctor`.

`software`, `hardware`, `storage` and `step` find facts; `facts` gathers them in one document; `advice` judges a document and
looks at nothing else; `report` lays it out. No probe may stop the others: `probe` turns a failure into a fact.
"""
