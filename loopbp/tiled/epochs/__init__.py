"""The ways through an epoch of the tiled engine.

====================  ============================================================================
`skeleton`            what the ways by tiles have in common
`by_team`             a team of threads, or one thread
`by_first_units`      each thread has some of the first hidden units (`share_memory`)
`by_one_thread`       any network, for compiled callers
`in_registers`        a register for each unit of a very small network
====================  ============================================================================
"""
