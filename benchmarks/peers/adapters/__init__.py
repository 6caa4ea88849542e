"""One module a contender: `train(workload, contender, gate, facts, threads)` trains until the gate has had enough.

`facts` is told to the coordinator when the gate opens for the first time: at least "threads", "versions" and "parameters".
"""
