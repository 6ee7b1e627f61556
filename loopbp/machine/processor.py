"""The processor that Numba compiles for, as LLVM knows it."""

from llvmlite import binding as llvm

from loopbp.jit.settings import config


def name() -> str:
    """LLVM's name of this processor."""
    return llvm.get_host_cpu_name()


def features() -> set[str]:
    """The names of the processor's features that are there, or that NUMBA_CPU_FEATURES leaves."""
    if config.CPU_FEATURES is not None:
        return {f[1:] for f in str(config.CPU_FEATURES).split(",") if f.startswith("+")}
    return {feature for feature, there in llvm.get_host_cpu_features().items() if there}
