"""Numba's cache of compiled functions, in the files of `loopbp.jit.files`."""

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from numba import typeof
from numba.core import serialize
from numba.core.caching import CompileResultCacheImpl, FunctionCache

from loopbp.jit import files as cache
from loopbp.jit.by_symbol import LoadCallee, SymbolLibrary
from loopbp.jit.files import STAMP
from loopbp.jit.sources import digest_of, foreign_files


class Results(CompileResultCacheImpl):
    """Numba's way to take compiled functions apart, without its own search for a folder."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = SimpleNamespace(_py_file=function.__code__.co_filename)


class PackageCache(FunctionCache):
    """Numba's function cache in the files of `loopbp.jit.files`."""

    def __init__(self, function: Any) -> None:
        self._name, self._py_func = f"{function.__module__}.{function.__qualname__}", function
        self._impl = Results(function)
        # The stamp knows only the package.
        files = {*getattr(function, "foreign_files", ()), *foreign_files([function])}
        self._sources = [digest_of(file) for file in sorted(files)]
        self.enable()

    @property
    def cache_path(self) -> str:
        """The folder of all functions."""
        return str(cache.root() / STAMP)

    def path(self, signature: Any, codegen: Any) -> Path:
        """The file of a signature."""
        key = repr((self._sources, self._index_key(signature, codegen)))
        return cache.file_of(self._name, key)

    def flush(self) -> None:
        """Forget this function; Numba calls it for `recompile`."""
        start = cache.file_of(self._name, "").name.rsplit(".", 2)[0]
        for path in Path(self.cache_path).glob(f"{start}.*.nbc"):
            path.unlink(missing_ok=True)

    def _save_overload(self, sig: Any, data: Any) -> None:
        if self._enabled and self._impl.check_cachable(data):
            reduced = serialize.dumps(self._impl.reduce(data))
            cache.write(self.path(sig, data.codegen), reduced)

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        if not self._enabled:
            return None
        path = self.path(sig, target_context.codegen())
        reduced = cache.read(path)
        if reduced is None:
            return None
        overload = self._impl.rebuild(target_context, pickle.loads(reduced))
        library = overload.library
        library.__class__ = SymbolLibrary
        # Numba restores these of the overload but not of its library.
        library._reload_init.update(overload.reload_init)
        library._reload_init.add(LoadCallee.of(self._py_func, sig))
        return overload


def will_compile(function: Any, *arguments: Any) -> bool:
    """Whether a call compiles: its code is neither in this process nor kept on disk.

    False where no cache tells.
    """
    cached = getattr(function, "_cache", None)
    if not isinstance(cached, PackageCache):
        return False
    signature = tuple(map(typeof, arguments))
    if signature in function.signatures:
        return False
    path = cached.path(signature, function.targetctx.codegen())
    return not (path.exists() or cache.trouble(path.parent))
