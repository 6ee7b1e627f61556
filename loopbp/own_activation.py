"""Activations of a user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopbp.catalogue import ACTIVATIONS
from loopbp.jit.c_function import c_address
from loopbp.messages.calls import suggests


@suggests
@dataclass(frozen=True, eq=False)
class Activation:
    """A user's own activation, made by `register_activation`."""

    name: str
    sigma: Callable[[float], float]
    sigma_prime: Callable[[float], float]
    machine_code: tuple[Any, Any]

    @property
    def addresses(self) -> tuple[int, int]:
        """Where sigma and sigma' stand in memory, as kernels call them."""
        return c_address(self.machine_code[0]), c_address(self.machine_code[1])

    def __deepcopy__(self, memo: Any) -> Activation:
        return self  # nothing of it changes, and machine code has no copy

    def __reduce__(self) -> Any:
        return _registered_again, (self.name, self.sigma, self.sigma_prime)


REGISTERED: dict[str, Activation] = {}


def _registered_again(name: str, sigma: Any, sigma_prime: Any) -> Activation:
    """What a pickle becomes, in this process or another."""
    known = REGISTERED.get(name)
    if known is not None and known.sigma is sigma and known.sigma_prime is sigma_prime:
        return known
    return register_activation(name, sigma, sigma_prime)


@suggests
def register_activation(
    name: str, sigma: Callable[[float], float], sigma_prime: Callable[[float], float]
) -> Activation:
    """Make an activation of your own usable wherever a built-in name is.

    Parameters
    ----------
    name
        Not a built-in name.  Registering a name again replaces it for networks made later.
    sigma, sigma_prime
        Scalar functions of one float that return one float: ``@njit`` functions, or plain
        Python that Numba can compile.

    Returns
    -------
    Activation
        May be given instead of its name.

    Raises
    ------
    ValueError
        If the name is taken, or a function does not return a finite number at z = 0.5, or raises
        an exception where it is tried.
    TypeError
        If a function does not take one number, does not return one real number (a complex one, an
        array, None), or cannot be compiled.

    Examples
    --------
    >>> import math, loopbp
    >>> from numba import njit
    >>> sine = loopbp.register_activation(
    ...     "sine", njit(lambda z: math.sin(z)), njit(lambda z: math.cos(z))
    ... )
    >>> net = loopbp.Network([2, 3, 1], hidden="sine", output="identity")
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"name: expected a word such as 'sine', got {name!r}")
    if name in ACTIVATIONS:
        raise ValueError(f"name: {name!r} is a built-in activation; choose another name")
    from loopbp.jit.scalar_functions import scalar_function

    code = scalar_function("sigma", sigma), scalar_function("sigma_prime", sigma_prime)
    activation = Activation(name, sigma, sigma_prime, code)
    REGISTERED[name] = activation
    return activation
