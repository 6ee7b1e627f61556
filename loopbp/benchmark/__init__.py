"""``loopbp bench``: the engines against each other and against other libraries.

`cases` says what is trained, `peers` how each library trains it, `runner` times them in turns,
`engines_bench` times the engines phase by phase, `costs` what a timing hides, `environment` keeps
the processes comparable, and `partial` keeps the rows of a run that is interrupted.  Of what
comes out, `results` is the file, `facts` are the words, `report` the tables on the terminal,
`picture` the pictures and `readme` the blocks of README.md and bench/README.md.
The work runs in a process of its own: ``python -m loopbp.benchmark`` reads a job from stdin.
"""
