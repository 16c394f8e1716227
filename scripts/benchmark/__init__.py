"""Benchmark: wafs beside its peers, the same work in one run, on equal filesystems.

Machines are noisy, so only ratios of one run mean something. Each system gets a fresh ext4 in a
loop file for each job of each round, since an aged ext4 is slower at creating files for some
seconds after many were deleted; the systems take turns within a round; and before anything is
timed the kernel has finished writing what came before.
"""
