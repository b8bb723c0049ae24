"""Other programs on the same data: time, memory, and the log-likelihood that each one reaches.

`make bench-peers` installs them into an environment of their own, runs the cases and renews
docs/benchmarks.md. Every fit is made in a fresh process; ours and theirs take turns.

========== ============================================================================
cases      what is fitted, and the data, drawn with fixed seeds
programs   one file for each program: the call, and its estimates in the terms of mixirt
worker     the process that makes one fit
measure    seconds, and memory at the peak
runner     who runs when, and for how long
yardstick  the log-likelihood of anybody's estimates on one fine grid
report     the table, docs/benchmarks.csv and the chart
========== ============================================================================
"""
