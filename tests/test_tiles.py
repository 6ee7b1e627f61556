"""Tiles of sums: the generated file, and every product over odd shapes and places."""

import itertools
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.helpers import JIT, each_dtype, needs_jit, relative_difference, run_python
from cases.tiles import (
    BOUND,
    SHAPES,
    SUMS,
    Guarded,
    sums_cases,
    sums_difference,
    transpose_is_right,
)

from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.machine import memory
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import tile_template, tiles

DOTS = {"tall": tiles.dots_tall, "short": tiles.dots_short}
each_table = pytest.mark.parametrize("table", SUMS)


# -- the generated file ---------------------------------------------------------------------------


def test_tiles_are_what_the_template_writes():
    assert Path(tiles.__file__).read_text("utf-8") == tile_template.render()


def test_command_writes_the_file(tmp_path):
    target = tmp_path / "tiles.py"
    tile_template.main(target)
    assert target.read_text("utf-8") == tile_template.render()


@pytest.mark.parametrize(
    ("table", "registers"), [(tile_template.TALL, 32), (tile_template.SHORT, 16)]
)
def test_every_tile_fits_the_registers(table, registers):
    for V, heights in table.items():
        assert heights[-1] == 1, "any number of rows can be covered"
        assert list(heights) == sorted(heights, reverse=True)
        assert all(registers >= R * V + V + 1 for R in heights)


# -- sums and dot products ------------------------------------------------------------------------


def dots_difference(dots: Callable[..., Any], dtype: str) -> float:
    worst = 0.0
    for k, (M, N, K) in enumerate(SHAPES):
        rng = np.random.default_rng([M, N, K])
        a, w, b = (
            Guarded(rng.standard_normal(shape).astype(dtype), gap=gap)
            for shape, gap in (((M, K), k % 2), ((N, K), k % 3), ((1, N), 0))
        )
        out = Guarded(np.full((M, N), np.nan, dtype), gap=k % 2)
        bias = b.inside[0]
        dots(
            a.buffer, a.start, a.row, w.buffer, w.start, w.row, M, N, K, bias,
            out.buffer, out.start, out.row,
        )  # fmt: skip
        if not out.outside_is_untouched():
            return np.inf
        worst = max(worst, relative_difference(out.inside, a.inside @ w.inside.T + bias))
    return worst


@each_table
@each_dtype
def test_sums_equal_numpy(table, dtype):
    sums, vectors = SUMS[table]
    assert sums_difference(sums, vectors, dtype) <= BOUND[dtype]


@each_table
@each_dtype
def test_dots_equal_numpy(table, dtype):
    assert dots_difference(DOTS[table], dtype) <= BOUND[dtype]


@each_table
@each_dtype
def test_what_is_asked_for_next_changes_no_bit(table, dtype):
    sums, vectors = SUMS[table]
    for arguments, out, _ in itertools.islice(sums_cases(dtype, vectors), 0, None, 3):
        before, results = out.buffer.copy(), []
        other = np.full(50, 7.0, dtype)
        rows = ((0, 0, 0), (0, 9, 2), (45, 16, 2), (10**6, 10**5, 2), (-(10**6), -3, 2))
        evenly = ((0, 0), (0, 1), (10**6, 2), (-(10**6), 9))
        for hint in itertools.product(rows, evenly):
            out.buffer[:] = before
            sums(*arguments, out.buffer, out.start, out.row, other, *hint[0], other, *hint[1])
            results.append(out.buffer.tobytes())
        assert set(results) == {results[0]}
        assert (other == 7).all()


def asked(
    M: int, N: int, K: int, pace: int, change: dict[str, Any] | None = None
) -> list[set[int]]:
    """What each tile of `sums_tall` asks for of an array, uncompiled, as numbers of it."""
    tiles_asked: list[set[int]] = []
    soon = np.zeros(0)

    def prefetch_in_turn(a, i):
        if a is soon:
            tiles_asked[-1].add(i)

    def counted(tile):
        def call(*arguments):
            tiles_asked.append(set())
            plain(tile)(*arguments)

        return call

    def each(R: int, V: int) -> Any:
        name = f"tile_{R}x{V}"
        return counted(getattr(specialise([getattr(tiles, name)], "asks", bound, plain), name))

    bound = {"prefetch_in_turn": prefetch_in_turn, **(change or {})}
    shapes = {f"tile_{R}x{V}": each(R, V) for V, Rs in tile_template.TALL.items() for R in Rs}
    sums = specialise([tiles.sums_tall], "asks", shapes, plain).sums_tall
    a, b, out = np.ones(M * K), np.ones(K * 64), np.zeros(M * N)
    sums(
        a, 0, K, 1, b, 0, 64, 1, M, N, K, 1.0, 0.0, out, 0, N, out, 0, N, b, 0, 0, 0, soon, 0, pace
    )
    return tiles_asked


def test_a_tile_asks_for_the_rows_of_the_next_one():
    W, K = int(memory.width(8)), 5
    # 6 + 6 rows by 4 registers, a number of each row with each k; then 4 + 4, for there are 8 left
    for rows, begin in ([6, 6], [6, 12]), ([6, 6, 4, 4], [6, 12, 16, 20]):
        found = asked(sum(rows), 4 * W, K, 1)
        expected = [set(range(at * K, (at + R) * K, R)) for R, at in zip(rows, begin, strict=True)]
        assert found == expected
    # twice as many, for what is twice as long
    assert asked(6, 4 * W, K, 2) == [set(range(6 * 2 * K, 12 * 2 * K, 12))]
    assert asked(6, 4 * W - 1, K, 0) == [{0}]
    assert asked(6, 4 * W, K, 0) == [], "the full tile has no request"


# -- transposes -----------------------------------------------------------------------------------


@each_dtype
def test_transpose_of_a_register_equals_numpy(dtype):
    W = int(memory.width(np.dtype(dtype).itemsize))
    assert transpose_is_right(getattr(tiles, f"transpose_{W}"), W, dtype)


@pytest.mark.skipif(JIT, reason="compiled, a register is that of this processor")
@pytest.mark.parametrize("W", tile_template.WIDTHS)
def test_transpose_of_another_processor_equals_numpy(monkeypatch, W):
    monkeypatch.setattr(memory, "REGISTER_BYTES", 8 * W)
    assert transpose_is_right(getattr(tiles, f"transpose_{W}"), W, "float64")


@each_dtype
def test_plain_transpose_equals_numpy(dtype):
    W = int(memory.width(np.dtype(dtype).itemsize))
    assert transpose_is_right(tiled_panels.transpose_block, W, dtype)


# -- registers of another size --------------------------------------------------------------------

_OTHER_PROCESSOR = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from cases import tiles as cases
from loopbp.machine.memory import REGISTER_BYTES
from loopbp.tiled import panels, sums, tiles
for dtype, bound in cases.BOUND.items():
    W = REGISTER_BYTES // np.dtype(dtype).itemsize
    assert cases.transpose_is_right(getattr(tiles, f"transpose_{{W}}"), W, dtype)
    cases.SHAPES = cases.SHAPES[::5]
    assert cases.sums_difference(*cases.SUMS["short"], dtype) <= bound
    cases.PANEL_SHAPES = cases.PANEL_SHAPES[::4]
    assert cases.pack_transposed_is_right(panels.pack_transposed, dtype)
    assert cases.weight_sums_error(sums.weight_sums, cases.WEIGHT_SHAPES, dtype) <= bound
print(REGISTER_BYTES)
"""


@needs_jit
@pytest.mark.skipif(memory.REGISTER_BYTES != 64, reason="only AVX-512 can stand in for AVX2")
def test_compiled_for_registers_of_32_bytes():
    code = _OTHER_PROCESSOR.format(tests=str(Path(__file__).parent))
    assert run_python(code, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="+avx2,+fma") == "32"


# -- wrong versions -------------------------------------------------------------------------------


def _sums_with(change: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    def wrong(*arguments):
        changed = list(arguments)
        change(changed)
        tiles.sums_tall(*changed)

    return wrong


def _last_k_is_left_out(arguments):
    arguments[10] -= 1


def _one_column_too_many(arguments):
    arguments[9] += 1


def _one_row_too_few(arguments):
    arguments[8] -= 1


def _alpha_is_left_out(arguments):
    arguments[11] = arguments[11].dtype.type(1)


def _out_is_always_read(arguments):
    arguments[12] = arguments[12] or arguments[12].dtype.type(1e-30)


def _panels_lie_together(arguments):
    arguments[7] = 1


@pytest.mark.parametrize(
    "change",
    [
        _last_k_is_left_out, _one_column_too_many, _one_row_too_few, _alpha_is_left_out,
        _out_is_always_read, _panels_lie_together,
    ],
    ids=lambda change: change.__name__.strip("_"),
)  # fmt: skip
def test_wrong_sums_are_rejected(change):
    assert not sums_difference(_sums_with(change), 4, "float64") <= 1e-3


def _dots_without_bias(a, a0, a_row, w, w0, w_row, M, N, K, b, *out):
    tiles.dots_tall(a, a0, a_row, w, w0, w_row, M, N, K, np.zeros_like(b), *out)


def _dots_without_the_last_k(a, a0, a_row, w, w0, w_row, M, N, K, b, *out):
    tiles.dots_tall(a, a0, a_row, w, w0, w_row, M, N, K - 1, b, *out)


@pytest.mark.parametrize("wrong", [_dots_without_bias, _dots_without_the_last_k])
def test_wrong_dots_are_rejected(wrong):
    assert not dots_difference(wrong, "float64") <= 1e-3


def test_a_wrong_transpose_is_rejected():
    def copy(w, w0, w_row, rows, columns, out, out0, out_row):
        for r in range(min(rows, columns)):
            out[out0 + r * out_row : out0 + r * out_row + columns] = w[
                w0 + r * w_row : w0 + r * w_row + columns
            ]

    assert not transpose_is_right(copy, 8, "float64")


# -- machine code ---------------------------------------------------------------------------------

_ASSEMBLY = """
from numba import types
from loopbp.tiled import tiles
a, i, x = types.Array(types.{dtype}, 1, "C"), types.intp, types.{dtype}
sums = tiles.sums_{name}
sums.compile((a, i, i, i, a, i, i, i, i, i, i, x, x, a, i, i, a, i, i, a, i, i, i, a, i, i))
(result,) = sums.overloads.values()
print(result.library.get_asm_str())
"""


def loops_of_sums(assembly: str) -> dict[str, str]:
    """The loops of at least 8 multiply-adds, by their labels, up to the jump back."""
    loops = {}
    for block in re.split(r"\n(?=\.?LBB\d+_\d+:)", assembly):
        label = block.split(":")[0].strip()
        back = re.search(rf"\bj\w+\s+{re.escape(label)}\b", block)
        if back and block.count("vfmadd") >= 8:
            loops[label] = block[: back.end()]
    return loops


_SPILL = r"\(%rsp\).*%[xyz]mm|%[xyz]mm\d+,.*\(%rsp\)"


def spilt_loops(assembly: str) -> tuple[int, list[str]]:
    """How many loops of multiply-adds there are, and those that keep a vector on the stack."""
    loops = loops_of_sums(assembly)
    return len(loops), [label for label, inside in loops.items() if re.search(_SPILL, inside)]


def instructions(text: str) -> list[str]:
    """Their names, one after the other."""
    return re.findall(r"^\t([a-z]\w*)", text, re.MULTILINE)


def full_tiles(assembly: str, sums: int) -> list[str]:
    """The loops of so many multiply-adds that have no mask and ask for nothing."""
    other = re.compile(rf"mask|%k\d|prefetch|{_SPILL}")
    loops = [text for text in loops_of_sums(assembly).values() if not other.search(text)]
    return [text for text in loops if text.count("vfmadd") == sums]


@needs_jit
@each_dtype
@pytest.mark.skipif(memory.REGISTER_BYTES != 64, reason="the tall tiles need 32 registers")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86")
def test_no_sum_leaves_its_register(dtype):
    assembly = run_python(_ASSEMBLY.format(dtype=dtype, name="tall"), LOOPBP_CACHE="0")
    loops, spilt = spilt_loops(assembly)
    assert loops >= 4, "the search finds what it looks for"
    assert spilt == []


AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
AVX512 = {
    "NUMBA_CPU_NAME": "skylake-avx512",
    "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f,+avx512vl,+avx512dq,+avx512bw",
}


@needs_jit
@each_dtype
@pytest.mark.parametrize(
    ("name", "processor", "most"),
    # 12 multiply-adds, 2 loads, 6 splats, the loop; 24, 4, 6, the loop
    [("short", AVX2, 26), ("tall", AVX512, 38)],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86")
def test_the_full_tiles_have_no_more_instructions_than_they_need(dtype, name, processor, most):
    code = _ASSEMBLY.format(dtype=dtype, name=name)
    assembly = run_python(code, LOOPBP_CACHE="0", **processor)
    R, V = tile_template.FULL[name]
    (full,) = full_tiles(assembly, R * V)
    assert len(instructions(full)) <= most


def test_a_full_tile_is_found():
    body = "\tvfmadd231ps\t%ymm1, %ymm2, %ymm3\n" * 12
    end = "\tdecq\t%rax\n\tjne\t.LBB0_1\n"
    (full,) = full_tiles(f"\n.LBB0_1:\n{body}{end}", 12)
    assert len(instructions(full)) == 14
    mask, ask = "\tvmaskmovps\t(%rax), %ymm1, %ymm2\n", "\tprefetcht1\t(%rax)\n"
    for other in mask, ask, "\tvmovups\t64(%rsp), %ymm3\n", body:
        assert full_tiles(f"\n.LBB0_1:\n{body}{other}{end}", 12) == []


def test_a_spilt_sum_is_found():
    body = "\tvfmadd231ps\t%zmm1, %zmm2, %zmm3\n" * 8
    end = "\tjne\t.LBB0_1\n"
    spill = "\tvmovups\t%zmm3, 64(%rsp)\n"
    assert spilt_loops(f"\n.LBB0_1:\n{body}{end}") == (1, [])
    assert spilt_loops(f"\n.LBB0_1:\n{body}{end}{spill}") == (1, []), "behind the loop"
    assert spilt_loops(f"\n.LBB0_1:\n{body}{spill}{end}") == (1, [".LBB0_1"])
    load = "\tvmovups\t64(%rsp), %zmm3\n"
    assert spilt_loops(f"\n.LBB0_1:\n{load}{body}{end}") == (1, [".LBB0_1"])
