"""What tests share: cases, engines, tolerances, and what runs them.  Tests import from here alone.

helpers
    the mode of the run, kernels with their arguments, networks, comparisons, other processes
training
    whole epochs of an engine against those of the reference, every optimizer
split, team
    engines for so many threads, and the bits that they must all have
tiles
    arrays with guards around them, panels, and the checks of sums and transposes
gradient_cases
    losses with gradients in closed form, right and wrong
"""
