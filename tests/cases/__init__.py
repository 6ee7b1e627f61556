"""What tests share: cases, engines, tolerances, and what runs them.  No test imports another.

helpers
    the mode of the run, kernels with their arguments, networks, comparisons, other processes
training
    whole epochs of an engine against those of the reference, every optimizer
split, team
    engines for so many threads, and the bits that they must all have
meeting
    threads that meet, and what they add up
tiles
    arrays with guards around them, panels, and the checks of sums and transposes
gradient_cases
    losses with gradients in closed form, right and wrong
reading_text
    what an explanation says, read from its text
pages, browser
    networks for the study page, what it must show, and the page in a browser
commands
    tables for the command line
benchmark
    small cases, wrong peers, a clock
"""
