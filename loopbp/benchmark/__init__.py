"""``loopbp bench``: the engines against each other and against other libraries.

`cases` says what is trained, `peers` how each library trains it, `runner` times them in turns,
`engines_bench` times the engines phase by phase, `costs` what a timing hides, `environment` keeps
the processes comparable, and `report` turns the results into tables, pictures and the README.
The work runs in a process of its own: ``python -m loopbp.benchmark`` reads a job from stdin.
"""
