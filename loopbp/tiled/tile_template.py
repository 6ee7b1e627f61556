"""The template of `loopbp/tiles.py`: one tile of sums held in registers, for several shapes.

The plain loops, as `loopbp.loops` has them, over R rows and V * W columns of any product:

    for r in range(R):
        for c in range(V * W):
            total = 0
            for k in range(K):
                total += a[r, k] * b[k, c]
            out[r, c] = alpha * total + beta * d[r, c]

Each number of a and b is loaded once for every sum that it goes into.  The idea of a tile: make k
the outer loop and hold all R * V * W sums in registers.  Then V loads of b and R of a feed R * V
multiply-adds.  Written out, a sum is the variable ``s2_1`` (row 2, vector 1), and the two inner
loops are gone.  ``python -m loopbp.tiled.tile_template`` writes tiles.py; a test compares the two.
"""

from pathlib import Path

# For V vectors, the heights R, largest first.  R * V sums, V of b and 1 of a must fit the
# registers: 32 of AVX-512 and NEON, 16 of AVX2; fewer than 8 sums wait for each other (a
# multiply-add takes 4 cycles, and two start in each).
TALL = {4: (6, 4, 2, 1), 2: (12, 6, 4, 1), 1: (16, 8, 4, 1)}
SHORT = {2: (6, 4, 2, 1), 1: (12, 4, 1)}
# The largest tiles also without a mask, for all their columns are there nearly always, and without
# a request in each turn.  A row's distance from the first is a number of its own, as LLVM else
# walks from row to row.  16 registers: 24 instructions for 12 multiply-adds, not 31; 32: 38 for 24,
# not 45.
FULL = {"tall": (6, 4), "short": (6, 2)}
# Rows and columns of the tiles of dot products, for 32 and for 16 registers.
DOTS = {"tall": ((5, 2, 1), (5, 1)), "short": ((3, 2, 1), (3, 1))}
WIDTHS = (2, 4, 8, 16)

_HEAD = '''"""Tiles of sums in registers, written by `loopbp.tiled.tile_template`, not by hand."""

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.arithmetic import fma
from loopbp.machine.folds import combine, store_total, zip_high, zip_low
from loopbp.machine.hints import (
    keep_turns_apart,
    opaque,
    prefetch,
    prefetch_first,
    prefetch_in_turn,
)
from loopbp.machine.memory import item_bytes, width
from loopbp.machine.registers import load, load_part, splat, splat_row, store_part
'''


def tile(R: int, V: int, full: bool = False) -> str:
    """The source of ``tile_RxV``, or of ``full_RxV``."""
    lines = [
        "@inline_jit",
        f"def {'full' if full else 'tile'}_{R}x{V}(",
        "    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row,",
        "):",
    ]
    what = f"{R} x {V} W sums: out = alpha * a b + beta * d"
    if full:
        lines += [f'    """{what}; all lanes, `loopbp.tiled.tile_template.FULL`."""']
    else:
        lines[2:3] = [lines[2] + " last,", "    soon, soon0, step,"]
        lines += [f'    """{what}; `last` lanes of the last vector."""']
    lines += ["    W = width(item_bytes(a))", "    s0_0 = splat(a.dtype.type(0))"]
    places = [(r, v) for r in range(R) for v in range(V)]
    sums = [f"s{r}_{v}" for r, v in places]
    if len(sums) > 1:
        lines += [f"    {' = '.join(sums[1:])} = s0_0"]
    lines += ["    if K > 64:  # by the time that the sums are there, so is what they are added to"]
    lines += [f"        for r in range({R}):", f"            for v in range({V}):"]
    lines += ["                prefetch_first(out, out0 + r * out_row + v * W)"]
    if full:
        lines += [f"    row{r} = opaque({r} * a_row)" for r in range(1, R)]
    lines += ["    for k in range(K):", "        a_at, b_at = a0 + k * a_k, b0 + k * b_k"]
    if not full:
        lines += ["        prefetch_in_turn(soon, soon0 + k * step)"]
    lines += [f"        y{v} = load(b, b_at + {v} * W)" for v in range(V if full else V - 1)]
    if not full:
        lines += [f"        y{V - 1} = load_part(b, b_at + {V - 1} * W, last)"]
    for r in range(R):
        below = f"1, row{r}" if full and r > 0 else f"{r}, a_row"
        lines += [f"        x = splat_row(a, a_at, {below})"]
        lines += [f"        s{r}_{v} = fma(x, y{v}, s{r}_{v})" for v in range(V)]
    # With two turns in one, LLVM loads for both first in some processes, and spills sums.
    lines += ["        keep_turns_apart()"]
    # All that is loaded before all that is stored: where rows are shorter than a register, a load
    # that overlaps the store of the row above would wait for it.
    least = "W" if full else "last"
    cells = [(r, v, f" + {v} * W" * (v > 0), "W" if v < V - 1 else least) for r, v in places]
    lines += ["    if beta == 0:"]
    lines += [f"        s{r}_{v} = alpha * s{r}_{v}" for r, v, _, _ in cells]
    lines += ["    else:"]
    for r, v, at, count in cells:
        lines += ["        d0 += d_row"] * (r > 0 and v == 0)
        lines += [f"        s{r}_{v} = combine(s{r}_{v}, alpha, beta, d, d0{at}, {count})"]
    for r, v, at, count in cells:
        lines += ["    out0 += out_row"] * (r > 0 and v == 0)
        lines += [f"    store_part(out, out0{at}, s{r}_{v}, {count})"]
    return "\n".join(lines) + "\n"


def dot(R: int, C: int) -> str:
    """The source of ``dot_RxC``."""
    lines = [
        "@inner_jit",
        f"def dot_{R}x{C}(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):",
        f'    """{R} x {C} dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""',
        "    W = width(item_bytes(a))",
        "    s0_0 = splat(a.dtype.type(0))",
    ]
    sums = [f"s{r}_{c}" for r in range(R) for c in range(C)]
    if len(sums) > 1:
        lines += [f"    {' = '.join(sums[1:])} = s0_0"]
    lines += [f"    a{r} = a{r - 1} + a_row" for r in range(1, R)]
    lines += [f"    w{c} = w{c - 1} + w_row" for c in range(1, C)]

    def step(indent: str, load: str, count: str) -> list[str]:
        body = [f"{indent}x{r} = {load}(a, a{r} + k{count})" for r in range(R)]
        for c in range(C):
            body += [f"{indent}y = {load}(w, w{c} + k{count})"]
            body += [f"{indent}s{r}_{c} = fma(x{r}, y, s{r}_{c})" for r in range(R)]
        return body

    lines += ["    full = K // W * W", "    for k in range(0, full, W):"]
    lines += step(" " * 8, "load", "")
    lines += ["        keep_turns_apart()"]
    lines += ["    if full < K:", "        k = full"]
    lines += step(" " * 8, "load_part", ", K - full")
    for r in range(R):
        if r > 0:
            lines += ["    out0 += out_row"]
        for c in range(C):
            at, unit = (f"out0 + {c}", f"i + {c}") if c else ("out0", "i")
            lines += [f"    store_total(out, {at}, s{r}_{c}, b, {unit})"]
    return "\n".join(lines) + "\n"


def cover(name: str, table: dict[int, tuple[int, ...]]) -> str:
    """The source of ``sums_NAME``, which covers M x N sums with the tiles of a table."""
    widest = max(table)
    arguments = "a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row"
    lines = [
        "@inner_jit",
        f"def sums_{name}(",
        "    a, a0, a_row, a_k, b, b0, b_k, b_panel, M, N, K, alpha, beta, d, d0, d_row, out, out0,",
        "    out_row, next_b, next_at, next_row, next_count, soon, soon_at, pace,",
        "):",
        f'    """out (M, N) = alpha * a b + beta * d, panels of {widest} W columns, in tiles.',
        "",
        "    Element (r, k) of a is a[a0 + r a_row + k a_k]; element (k, c) of b, c in the panel that",
        "    begins at column p, is b[b0 + p b_panel + k b_k + c - p].  After each tile `next_count`",
        "    rows of a panel of next_b, `next_row` apart, are asked for: what the next call reads.",
        "    Each tile also asks evenly for `pace` numbers of `soon` with each that it reads of a: that of",
        "    rows i .. i + R - 1 for what is (i + R) K pace behind soon_at.  Where a's rows follow each",
        "    other, a, a0 and 1 ask for the rows of the next tile.",
        '    """',
        "    W = width(item_bytes(a))",
        f"    for p in range(0, N, {widest} * W):",
        f"        end = min(N, p + {widest} * W)",
        "        j = p",
        "        while j < end:",
        "            left = end - j",
        "            b_at = b0 + p * b_panel + j - p",
        "            i = 0",
    ]
    for V in sorted(table, reverse=True):
        least = f"left > {V - 1} * W" if V > 1 else ""
        lines += [f"            if {least}:" if widest == V else f"            elif {least}:"]
        if V == 1:
            lines[-1] = "            else:"
        lines += [
            f"                last = min(W, left - {V - 1} * W)",
            "                while i < M:",
        ]
        lines += ["                    a_at, d_at = a0 + i * a_row, d0 + i * d_row + j"]
        lines += [
            "                    out_at = out0 + i * out_row + j",
            "                    n = M - i",
        ]
        for k, R in enumerate(table[V]):
            # 8 or 9 rows are better 4 + 4 than 6 + 2.
            but = " and n != 8 and n != 9" if R == 6 and 4 in table[V] else ""
            test = f"if n >= {R}{but}:" if k == 0 else "else:" if R == 1 else f"elif n >= {R}{but}:"
            if FULL[name] == (R, V):
                # with AVX2 no tile asks for anything
                alike = " and last == W" + " and pace == 0" * (name == "tall")
                lines += [
                    f"                    {test.replace(':', alike + ':')}",
                    f"                        full_{R}x{V}(",
                    f"                            {arguments},",
                    "                            out, out_at, out_row,",
                    "                        )",
                    f"                        i += {R}",
                ]
                test = f"el{test}"
            lines += [
                f"                    {test}",
                f"                        tile_{R}x{V}(",
                f"                            {arguments},",
                "                            out, out_at, out_row, last, soon,",
                f"                            soon_at + (i + {R}) * pace * K, {R} * pace,",
                "                        )",
                f"                        i += {R}",
            ]
        lines += [
            "                    for _ in range(next_count):",
            f"                        for v in range({widest}):",
            "                            prefetch(next_b, next_at + v * W)",
            "                        next_at += next_row",
        ]
        lines += [f"                j += {V} * W"]
    return "\n".join(lines) + "\n"


def cover_dots(name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> str:
    """The source of ``dots_NAME``, which covers M x N dot products with tiles of a table."""
    heights, widths = shapes
    lines = [
        "@inner_jit",
        f"def dots_{name}(a, a0, a_row, w, w0, w_row, M, N, K, b, out, out0, out_row):",
        '    """out (M, N): out_ri = b_i + sum_k a_rk w_ik, both contiguous in k, in tiles."""',
        "    i = 0",
        "    while i < N:",
        "        r = 0",
        f"        wide = i + {widths[0]} <= N",
        "        while r < M:",
        "            a_at, w_at, out_at = a0 + r * a_row, w0 + i * w_row, out0 + r * out_row + i",
    ]
    call = "(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)"
    for k, R in enumerate(heights):
        last = k == len(heights) - 1
        lines += ["            else:" if last else f"            {'el' * (k > 0)}if r + {R} <= M:"]
        lines += ["                if wide:", f"                    dot_{R}x{widths[0]}{call}"]
        lines += ["                else:", f"                    dot_{R}x{widths[1]}{call}"]
        lines += [f"                r += {R}"]
    lines += [f"        i += {widths[0]} if wide else {widths[1]}"]
    return "\n".join(lines) + "\n"


def transpose(W: int) -> str:
    """The source of ``transpose_W``: W x W numbers, by log2 W rounds of zipping the halves."""
    lines = [
        "@inner_jit",
        f"def transpose_{W}(w, w0, w_row, rows, columns, out, out0, out_row):",
        f'    """out[c, r] = w[r, c] for up to {W} rows and columns."""',
    ]
    names = [f"x{k}" for k in range(W)]
    for k, name in enumerate(names):
        source = f"load_part(w, w0 + {k} * w_row, columns)"
        lines += [f"    {name} = {source} if rows > {k} else splat(w.dtype.type(0))"]
    for _ in range(W.bit_length() - 1):
        half = W // 2
        pairs = [(names[k], names[k + half]) for k in range(half)]
        targets = ", ".join(names)
        values = ", ".join(f"zip_low({x}, {y}), zip_high({x}, {y})" for x, y in pairs)
        lines += [f"    {targets} = {values}"]
    for k, name in enumerate(names):
        lines += [f"    if columns > {k}:"]
        lines += [f"        store_part(out, out0 + {k} * out_row, {name}, rows)"]
    return "\n".join(lines) + "\n"


def render() -> str:
    """The whole source of tiles.py."""
    shapes = {(R, V) for table in (TALL, SHORT) for V, rows in table.items() for R in rows}
    parts = [tile(R, V) for R, V in sorted(shapes)]
    parts += [tile(R, V, full=True) for R, V in sorted(FULL.values())]
    parts += [cover("tall", TALL), cover("short", SHORT)]
    pairs = {(R, C) for heights, widths in DOTS.values() for R in heights for C in widths}
    parts += [dot(R, C) for R, C in sorted(pairs)]
    parts += [cover_dots(name, shapes) for name, shapes in DOTS.items()]
    parts += [transpose(W) for W in WIDTHS]
    return _HEAD + "".join(f"\n\n{part}" for part in parts)


def main(path: Path = Path(__file__).parent / "tiles.py") -> None:
    """Write tiles.py."""
    path.write_text(render(), "utf-8")


if __name__ == "__main__":
    main()
