"""The machine: registers, memory, threads, for compiled code, each function with a Python twin.

==================  ==============================================================================
`memory`            sizes of registers and cache lines
`registers`         W neighbouring numbers as one value: load, store
`arithmetic`        computing with them
`folds`             one number out of all lanes
`hints`             memory to fetch ahead
`of_width`          narrower registers
`vector_math`       exp, tanh, ... in registers
`views`             parts of arrays that nobody owns
`borrow`            tuples of arrays, likewise
`words`             undivided changes of a word
`team`              threads that meet
`pieces`            how they share work out
`threads`           how many there may be
`openmp`            for how many OpenMP, and so threadpoolctl, allows
`processor`         its name and features
`cores`             for how many there are CPUs
`subnormals`        numbers too small to be normal count as zero
==================  ==============================================================================
"""
