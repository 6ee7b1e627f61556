"""Tiles of sums in registers, written by `loopbp.tiled.tile_template`, not by hand."""

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


@inline_jit
def tile_1x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """1 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(1):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load_part(b, b_at + 0 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, last)
    store_part(out, out0, s0_0, last)


@inline_jit
def tile_1x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """1 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(1):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load_part(b, b_at + 1 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, last)


@inline_jit
def tile_1x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """1 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(1):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load(b, b_at + 1 * W)
        y2 = load(b, b_at + 2 * W)
        y3 = load_part(b, b_at + 3 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s0_2 = alpha * s0_2
        s0_3 = alpha * s0_3
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, W)
        s0_2 = combine(s0_2, alpha, beta, d, d0 + 2 * W, W)
        s0_3 = combine(s0_3, alpha, beta, d, d0 + 3 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, W)
    store_part(out, out0 + 2 * W, s0_2, W)
    store_part(out, out0 + 3 * W, s0_3, last)


@inline_jit
def tile_2x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """2 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s1_0 = s1_1 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(2):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load_part(b, b_at + 1 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, last)


@inline_jit
def tile_2x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """2 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s1_0 = s1_1 = s1_2 = s1_3 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(2):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load(b, b_at + 1 * W)
        y2 = load(b, b_at + 2 * W)
        y3 = load_part(b, b_at + 3 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        s1_2 = fma(x, y2, s1_2)
        s1_3 = fma(x, y3, s1_3)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s0_2 = alpha * s0_2
        s0_3 = alpha * s0_3
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s1_2 = alpha * s1_2
        s1_3 = alpha * s1_3
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, W)
        s0_2 = combine(s0_2, alpha, beta, d, d0 + 2 * W, W)
        s0_3 = combine(s0_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, W)
        s1_2 = combine(s1_2, alpha, beta, d, d0 + 2 * W, W)
        s1_3 = combine(s1_3, alpha, beta, d, d0 + 3 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, W)
    store_part(out, out0 + 2 * W, s0_2, W)
    store_part(out, out0 + 3 * W, s0_3, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, W)
    store_part(out, out0 + 2 * W, s1_2, W)
    store_part(out, out0 + 3 * W, s1_3, last)


@inline_jit
def tile_4x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """4 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s2_0 = s3_0 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(4):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load_part(b, b_at + 0 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s1_0 = alpha * s1_0
        s2_0 = alpha * s2_0
        s3_0 = alpha * s3_0
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, last)
    store_part(out, out0, s0_0, last)
    out0 += out_row
    store_part(out, out0, s1_0, last)
    out0 += out_row
    store_part(out, out0, s2_0, last)
    out0 += out_row
    store_part(out, out0, s3_0, last)


@inline_jit
def tile_4x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """4 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s1_0 = s1_1 = s2_0 = s2_1 = s3_0 = s3_1 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(4):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load_part(b, b_at + 1 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, last)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, last)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, last)


@inline_jit
def tile_4x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """4 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s1_0 = s1_1 = s1_2 = s1_3 = s2_0 = s2_1 = s2_2 = s2_3 = s3_0 = s3_1 = s3_2 = s3_3 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(4):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load(b, b_at + 1 * W)
        y2 = load(b, b_at + 2 * W)
        y3 = load_part(b, b_at + 3 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        s1_2 = fma(x, y2, s1_2)
        s1_3 = fma(x, y3, s1_3)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        s2_2 = fma(x, y2, s2_2)
        s2_3 = fma(x, y3, s2_3)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        s3_2 = fma(x, y2, s3_2)
        s3_3 = fma(x, y3, s3_3)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s0_2 = alpha * s0_2
        s0_3 = alpha * s0_3
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s1_2 = alpha * s1_2
        s1_3 = alpha * s1_3
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s2_2 = alpha * s2_2
        s2_3 = alpha * s2_3
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
        s3_2 = alpha * s3_2
        s3_3 = alpha * s3_3
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, W)
        s0_2 = combine(s0_2, alpha, beta, d, d0 + 2 * W, W)
        s0_3 = combine(s0_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, W)
        s1_2 = combine(s1_2, alpha, beta, d, d0 + 2 * W, W)
        s1_3 = combine(s1_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, W)
        s2_2 = combine(s2_2, alpha, beta, d, d0 + 2 * W, W)
        s2_3 = combine(s2_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, W)
        s3_2 = combine(s3_2, alpha, beta, d, d0 + 2 * W, W)
        s3_3 = combine(s3_3, alpha, beta, d, d0 + 3 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, W)
    store_part(out, out0 + 2 * W, s0_2, W)
    store_part(out, out0 + 3 * W, s0_3, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, W)
    store_part(out, out0 + 2 * W, s1_2, W)
    store_part(out, out0 + 3 * W, s1_3, last)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, W)
    store_part(out, out0 + 2 * W, s2_2, W)
    store_part(out, out0 + 3 * W, s2_3, last)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, W)
    store_part(out, out0 + 2 * W, s3_2, W)
    store_part(out, out0 + 3 * W, s3_3, last)


@inline_jit
def tile_6x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """6 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s1_0 = s1_1 = s2_0 = s2_1 = s3_0 = s3_1 = s4_0 = s4_1 = s5_0 = s5_1 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(6):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load_part(b, b_at + 1 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        x = splat_row(a, a_at, 4, a_row)
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        x = splat_row(a, a_at, 5, a_row)
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
        s4_0 = alpha * s4_0
        s4_1 = alpha * s4_1
        s5_0 = alpha * s5_0
        s5_1 = alpha * s5_1
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, W)
        s4_1 = combine(s4_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, W)
        s5_1 = combine(s5_1, alpha, beta, d, d0 + 1 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, last)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, last)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, last)
    out0 += out_row
    store_part(out, out0, s4_0, W)
    store_part(out, out0 + 1 * W, s4_1, last)
    out0 += out_row
    store_part(out, out0, s5_0, W)
    store_part(out, out0 + 1 * W, s5_1, last)


@inline_jit
def tile_6x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """6 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s1_0 = s1_1 = s1_2 = s1_3 = s2_0 = s2_1 = s2_2 = s2_3 = s3_0 = s3_1 = s3_2 = s3_3 = s4_0 = s4_1 = s4_2 = s4_3 = s5_0 = s5_1 = s5_2 = s5_3 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(6):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load(b, b_at + 1 * W)
        y2 = load(b, b_at + 2 * W)
        y3 = load_part(b, b_at + 3 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        s1_2 = fma(x, y2, s1_2)
        s1_3 = fma(x, y3, s1_3)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        s2_2 = fma(x, y2, s2_2)
        s2_3 = fma(x, y3, s2_3)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        s3_2 = fma(x, y2, s3_2)
        s3_3 = fma(x, y3, s3_3)
        x = splat_row(a, a_at, 4, a_row)
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        s4_2 = fma(x, y2, s4_2)
        s4_3 = fma(x, y3, s4_3)
        x = splat_row(a, a_at, 5, a_row)
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        s5_2 = fma(x, y2, s5_2)
        s5_3 = fma(x, y3, s5_3)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s0_2 = alpha * s0_2
        s0_3 = alpha * s0_3
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s1_2 = alpha * s1_2
        s1_3 = alpha * s1_3
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s2_2 = alpha * s2_2
        s2_3 = alpha * s2_3
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
        s3_2 = alpha * s3_2
        s3_3 = alpha * s3_3
        s4_0 = alpha * s4_0
        s4_1 = alpha * s4_1
        s4_2 = alpha * s4_2
        s4_3 = alpha * s4_3
        s5_0 = alpha * s5_0
        s5_1 = alpha * s5_1
        s5_2 = alpha * s5_2
        s5_3 = alpha * s5_3
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, W)
        s0_2 = combine(s0_2, alpha, beta, d, d0 + 2 * W, W)
        s0_3 = combine(s0_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, W)
        s1_2 = combine(s1_2, alpha, beta, d, d0 + 2 * W, W)
        s1_3 = combine(s1_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, W)
        s2_2 = combine(s2_2, alpha, beta, d, d0 + 2 * W, W)
        s2_3 = combine(s2_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, W)
        s3_2 = combine(s3_2, alpha, beta, d, d0 + 2 * W, W)
        s3_3 = combine(s3_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, W)
        s4_1 = combine(s4_1, alpha, beta, d, d0 + 1 * W, W)
        s4_2 = combine(s4_2, alpha, beta, d, d0 + 2 * W, W)
        s4_3 = combine(s4_3, alpha, beta, d, d0 + 3 * W, last)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, W)
        s5_1 = combine(s5_1, alpha, beta, d, d0 + 1 * W, W)
        s5_2 = combine(s5_2, alpha, beta, d, d0 + 2 * W, W)
        s5_3 = combine(s5_3, alpha, beta, d, d0 + 3 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, W)
    store_part(out, out0 + 2 * W, s0_2, W)
    store_part(out, out0 + 3 * W, s0_3, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, W)
    store_part(out, out0 + 2 * W, s1_2, W)
    store_part(out, out0 + 3 * W, s1_3, last)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, W)
    store_part(out, out0 + 2 * W, s2_2, W)
    store_part(out, out0 + 3 * W, s2_3, last)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, W)
    store_part(out, out0 + 2 * W, s3_2, W)
    store_part(out, out0 + 3 * W, s3_3, last)
    out0 += out_row
    store_part(out, out0, s4_0, W)
    store_part(out, out0 + 1 * W, s4_1, W)
    store_part(out, out0 + 2 * W, s4_2, W)
    store_part(out, out0 + 3 * W, s4_3, last)
    out0 += out_row
    store_part(out, out0, s5_0, W)
    store_part(out, out0 + 1 * W, s5_1, W)
    store_part(out, out0 + 2 * W, s5_2, W)
    store_part(out, out0 + 3 * W, s5_3, last)


@inline_jit
def tile_8x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """8 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s2_0 = s3_0 = s4_0 = s5_0 = s6_0 = s7_0 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(8):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load_part(b, b_at + 0 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        x = splat_row(a, a_at, 4, a_row)
        s4_0 = fma(x, y0, s4_0)
        x = splat_row(a, a_at, 5, a_row)
        s5_0 = fma(x, y0, s5_0)
        x = splat_row(a, a_at, 6, a_row)
        s6_0 = fma(x, y0, s6_0)
        x = splat_row(a, a_at, 7, a_row)
        s7_0 = fma(x, y0, s7_0)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s1_0 = alpha * s1_0
        s2_0 = alpha * s2_0
        s3_0 = alpha * s3_0
        s4_0 = alpha * s4_0
        s5_0 = alpha * s5_0
        s6_0 = alpha * s6_0
        s7_0 = alpha * s7_0
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, last)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, last)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, last)
        d0 += d_row
        s6_0 = combine(s6_0, alpha, beta, d, d0, last)
        d0 += d_row
        s7_0 = combine(s7_0, alpha, beta, d, d0, last)
    store_part(out, out0, s0_0, last)
    out0 += out_row
    store_part(out, out0, s1_0, last)
    out0 += out_row
    store_part(out, out0, s2_0, last)
    out0 += out_row
    store_part(out, out0, s3_0, last)
    out0 += out_row
    store_part(out, out0, s4_0, last)
    out0 += out_row
    store_part(out, out0, s5_0, last)
    out0 += out_row
    store_part(out, out0, s6_0, last)
    out0 += out_row
    store_part(out, out0, s7_0, last)


@inline_jit
def tile_12x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """12 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s2_0 = s3_0 = s4_0 = s5_0 = s6_0 = s7_0 = s8_0 = s9_0 = s10_0 = s11_0 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(12):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load_part(b, b_at + 0 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        x = splat_row(a, a_at, 4, a_row)
        s4_0 = fma(x, y0, s4_0)
        x = splat_row(a, a_at, 5, a_row)
        s5_0 = fma(x, y0, s5_0)
        x = splat_row(a, a_at, 6, a_row)
        s6_0 = fma(x, y0, s6_0)
        x = splat_row(a, a_at, 7, a_row)
        s7_0 = fma(x, y0, s7_0)
        x = splat_row(a, a_at, 8, a_row)
        s8_0 = fma(x, y0, s8_0)
        x = splat_row(a, a_at, 9, a_row)
        s9_0 = fma(x, y0, s9_0)
        x = splat_row(a, a_at, 10, a_row)
        s10_0 = fma(x, y0, s10_0)
        x = splat_row(a, a_at, 11, a_row)
        s11_0 = fma(x, y0, s11_0)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s1_0 = alpha * s1_0
        s2_0 = alpha * s2_0
        s3_0 = alpha * s3_0
        s4_0 = alpha * s4_0
        s5_0 = alpha * s5_0
        s6_0 = alpha * s6_0
        s7_0 = alpha * s7_0
        s8_0 = alpha * s8_0
        s9_0 = alpha * s9_0
        s10_0 = alpha * s10_0
        s11_0 = alpha * s11_0
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, last)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, last)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, last)
        d0 += d_row
        s6_0 = combine(s6_0, alpha, beta, d, d0, last)
        d0 += d_row
        s7_0 = combine(s7_0, alpha, beta, d, d0, last)
        d0 += d_row
        s8_0 = combine(s8_0, alpha, beta, d, d0, last)
        d0 += d_row
        s9_0 = combine(s9_0, alpha, beta, d, d0, last)
        d0 += d_row
        s10_0 = combine(s10_0, alpha, beta, d, d0, last)
        d0 += d_row
        s11_0 = combine(s11_0, alpha, beta, d, d0, last)
    store_part(out, out0, s0_0, last)
    out0 += out_row
    store_part(out, out0, s1_0, last)
    out0 += out_row
    store_part(out, out0, s2_0, last)
    out0 += out_row
    store_part(out, out0, s3_0, last)
    out0 += out_row
    store_part(out, out0, s4_0, last)
    out0 += out_row
    store_part(out, out0, s5_0, last)
    out0 += out_row
    store_part(out, out0, s6_0, last)
    out0 += out_row
    store_part(out, out0, s7_0, last)
    out0 += out_row
    store_part(out, out0, s8_0, last)
    out0 += out_row
    store_part(out, out0, s9_0, last)
    out0 += out_row
    store_part(out, out0, s10_0, last)
    out0 += out_row
    store_part(out, out0, s11_0, last)


@inline_jit
def tile_12x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """12 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s1_0 = s1_1 = s2_0 = s2_1 = s3_0 = s3_1 = s4_0 = s4_1 = s5_0 = s5_1 = s6_0 = s6_1 = s7_0 = s7_1 = s8_0 = s8_1 = s9_0 = s9_1 = s10_0 = s10_1 = s11_0 = s11_1 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(12):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load(b, b_at + 0 * W)
        y1 = load_part(b, b_at + 1 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        x = splat_row(a, a_at, 4, a_row)
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        x = splat_row(a, a_at, 5, a_row)
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        x = splat_row(a, a_at, 6, a_row)
        s6_0 = fma(x, y0, s6_0)
        s6_1 = fma(x, y1, s6_1)
        x = splat_row(a, a_at, 7, a_row)
        s7_0 = fma(x, y0, s7_0)
        s7_1 = fma(x, y1, s7_1)
        x = splat_row(a, a_at, 8, a_row)
        s8_0 = fma(x, y0, s8_0)
        s8_1 = fma(x, y1, s8_1)
        x = splat_row(a, a_at, 9, a_row)
        s9_0 = fma(x, y0, s9_0)
        s9_1 = fma(x, y1, s9_1)
        x = splat_row(a, a_at, 10, a_row)
        s10_0 = fma(x, y0, s10_0)
        s10_1 = fma(x, y1, s10_1)
        x = splat_row(a, a_at, 11, a_row)
        s11_0 = fma(x, y0, s11_0)
        s11_1 = fma(x, y1, s11_1)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
        s4_0 = alpha * s4_0
        s4_1 = alpha * s4_1
        s5_0 = alpha * s5_0
        s5_1 = alpha * s5_1
        s6_0 = alpha * s6_0
        s6_1 = alpha * s6_1
        s7_0 = alpha * s7_0
        s7_1 = alpha * s7_1
        s8_0 = alpha * s8_0
        s8_1 = alpha * s8_1
        s9_0 = alpha * s9_0
        s9_1 = alpha * s9_1
        s10_0 = alpha * s10_0
        s10_1 = alpha * s10_1
        s11_0 = alpha * s11_0
        s11_1 = alpha * s11_1
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, W)
        s4_1 = combine(s4_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, W)
        s5_1 = combine(s5_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s6_0 = combine(s6_0, alpha, beta, d, d0, W)
        s6_1 = combine(s6_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s7_0 = combine(s7_0, alpha, beta, d, d0, W)
        s7_1 = combine(s7_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s8_0 = combine(s8_0, alpha, beta, d, d0, W)
        s8_1 = combine(s8_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s9_0 = combine(s9_0, alpha, beta, d, d0, W)
        s9_1 = combine(s9_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s10_0 = combine(s10_0, alpha, beta, d, d0, W)
        s10_1 = combine(s10_1, alpha, beta, d, d0 + 1 * W, last)
        d0 += d_row
        s11_0 = combine(s11_0, alpha, beta, d, d0, W)
        s11_1 = combine(s11_1, alpha, beta, d, d0 + 1 * W, last)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, last)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, last)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, last)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, last)
    out0 += out_row
    store_part(out, out0, s4_0, W)
    store_part(out, out0 + 1 * W, s4_1, last)
    out0 += out_row
    store_part(out, out0, s5_0, W)
    store_part(out, out0 + 1 * W, s5_1, last)
    out0 += out_row
    store_part(out, out0, s6_0, W)
    store_part(out, out0 + 1 * W, s6_1, last)
    out0 += out_row
    store_part(out, out0, s7_0, W)
    store_part(out, out0 + 1 * W, s7_1, last)
    out0 += out_row
    store_part(out, out0, s8_0, W)
    store_part(out, out0 + 1 * W, s8_1, last)
    out0 += out_row
    store_part(out, out0, s9_0, W)
    store_part(out, out0 + 1 * W, s9_1, last)
    out0 += out_row
    store_part(out, out0, s10_0, W)
    store_part(out, out0 + 1 * W, s10_1, last)
    out0 += out_row
    store_part(out, out0, s11_0, W)
    store_part(out, out0 + 1 * W, s11_1, last)


@inline_jit
def tile_16x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last,
    soon, soon0, step,
):
    """16 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s2_0 = s3_0 = s4_0 = s5_0 = s6_0 = s7_0 = s8_0 = s9_0 = s10_0 = s11_0 = s12_0 = s13_0 = s14_0 = s15_0 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(16):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        prefetch_in_turn(soon, soon0 + k * step)
        y0 = load_part(b, b_at + 0 * W, last)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        x = splat_row(a, a_at, 1, a_row)
        s1_0 = fma(x, y0, s1_0)
        x = splat_row(a, a_at, 2, a_row)
        s2_0 = fma(x, y0, s2_0)
        x = splat_row(a, a_at, 3, a_row)
        s3_0 = fma(x, y0, s3_0)
        x = splat_row(a, a_at, 4, a_row)
        s4_0 = fma(x, y0, s4_0)
        x = splat_row(a, a_at, 5, a_row)
        s5_0 = fma(x, y0, s5_0)
        x = splat_row(a, a_at, 6, a_row)
        s6_0 = fma(x, y0, s6_0)
        x = splat_row(a, a_at, 7, a_row)
        s7_0 = fma(x, y0, s7_0)
        x = splat_row(a, a_at, 8, a_row)
        s8_0 = fma(x, y0, s8_0)
        x = splat_row(a, a_at, 9, a_row)
        s9_0 = fma(x, y0, s9_0)
        x = splat_row(a, a_at, 10, a_row)
        s10_0 = fma(x, y0, s10_0)
        x = splat_row(a, a_at, 11, a_row)
        s11_0 = fma(x, y0, s11_0)
        x = splat_row(a, a_at, 12, a_row)
        s12_0 = fma(x, y0, s12_0)
        x = splat_row(a, a_at, 13, a_row)
        s13_0 = fma(x, y0, s13_0)
        x = splat_row(a, a_at, 14, a_row)
        s14_0 = fma(x, y0, s14_0)
        x = splat_row(a, a_at, 15, a_row)
        s15_0 = fma(x, y0, s15_0)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s1_0 = alpha * s1_0
        s2_0 = alpha * s2_0
        s3_0 = alpha * s3_0
        s4_0 = alpha * s4_0
        s5_0 = alpha * s5_0
        s6_0 = alpha * s6_0
        s7_0 = alpha * s7_0
        s8_0 = alpha * s8_0
        s9_0 = alpha * s9_0
        s10_0 = alpha * s10_0
        s11_0 = alpha * s11_0
        s12_0 = alpha * s12_0
        s13_0 = alpha * s13_0
        s14_0 = alpha * s14_0
        s15_0 = alpha * s15_0
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, last)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, last)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, last)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, last)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, last)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, last)
        d0 += d_row
        s6_0 = combine(s6_0, alpha, beta, d, d0, last)
        d0 += d_row
        s7_0 = combine(s7_0, alpha, beta, d, d0, last)
        d0 += d_row
        s8_0 = combine(s8_0, alpha, beta, d, d0, last)
        d0 += d_row
        s9_0 = combine(s9_0, alpha, beta, d, d0, last)
        d0 += d_row
        s10_0 = combine(s10_0, alpha, beta, d, d0, last)
        d0 += d_row
        s11_0 = combine(s11_0, alpha, beta, d, d0, last)
        d0 += d_row
        s12_0 = combine(s12_0, alpha, beta, d, d0, last)
        d0 += d_row
        s13_0 = combine(s13_0, alpha, beta, d, d0, last)
        d0 += d_row
        s14_0 = combine(s14_0, alpha, beta, d, d0, last)
        d0 += d_row
        s15_0 = combine(s15_0, alpha, beta, d, d0, last)
    store_part(out, out0, s0_0, last)
    out0 += out_row
    store_part(out, out0, s1_0, last)
    out0 += out_row
    store_part(out, out0, s2_0, last)
    out0 += out_row
    store_part(out, out0, s3_0, last)
    out0 += out_row
    store_part(out, out0, s4_0, last)
    out0 += out_row
    store_part(out, out0, s5_0, last)
    out0 += out_row
    store_part(out, out0, s6_0, last)
    out0 += out_row
    store_part(out, out0, s7_0, last)
    out0 += out_row
    store_part(out, out0, s8_0, last)
    out0 += out_row
    store_part(out, out0, s9_0, last)
    out0 += out_row
    store_part(out, out0, s10_0, last)
    out0 += out_row
    store_part(out, out0, s11_0, last)
    out0 += out_row
    store_part(out, out0, s12_0, last)
    out0 += out_row
    store_part(out, out0, s13_0, last)
    out0 += out_row
    store_part(out, out0, s14_0, last)
    out0 += out_row
    store_part(out, out0, s15_0, last)


@inline_jit
def full_6x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row,
):
    """6 x 2 W sums: out = alpha * a b + beta * d; all lanes, `loopbp.tiled.tile_template.FULL`."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s1_0 = s1_1 = s2_0 = s2_1 = s3_0 = s3_1 = s4_0 = s4_1 = s5_0 = s5_1 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(6):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    row1 = opaque(1 * a_row)
    row2 = opaque(2 * a_row)
    row3 = opaque(3 * a_row)
    row4 = opaque(4 * a_row)
    row5 = opaque(5 * a_row)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        y0 = load(b, b_at + 0 * W)
        y1 = load(b, b_at + 1 * W)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat_row(a, a_at, 1, row1)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat_row(a, a_at, 1, row2)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat_row(a, a_at, 1, row3)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        x = splat_row(a, a_at, 1, row4)
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        x = splat_row(a, a_at, 1, row5)
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
        s4_0 = alpha * s4_0
        s4_1 = alpha * s4_1
        s5_0 = alpha * s5_0
        s5_1 = alpha * s5_1
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, W)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, W)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, W)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, W)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, W)
        s4_1 = combine(s4_1, alpha, beta, d, d0 + 1 * W, W)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, W)
        s5_1 = combine(s5_1, alpha, beta, d, d0 + 1 * W, W)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, W)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, W)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, W)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, W)
    out0 += out_row
    store_part(out, out0, s4_0, W)
    store_part(out, out0 + 1 * W, s4_1, W)
    out0 += out_row
    store_part(out, out0, s5_0, W)
    store_part(out, out0 + 1 * W, s5_1, W)


@inline_jit
def full_6x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row,
):
    """6 x 4 W sums: out = alpha * a b + beta * d; all lanes, `loopbp.tiled.tile_template.FULL`."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s1_0 = s1_1 = s1_2 = s1_3 = s2_0 = s2_1 = s2_2 = s2_3 = s3_0 = s3_1 = s3_2 = s3_3 = s4_0 = s4_1 = s4_2 = s4_3 = s5_0 = s5_1 = s5_2 = s5_3 = s0_0
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(6):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    row1 = opaque(1 * a_row)
    row2 = opaque(2 * a_row)
    row3 = opaque(3 * a_row)
    row4 = opaque(4 * a_row)
    row5 = opaque(5 * a_row)
    for k in range(K):
        a_at, b_at = a0 + k * a_k, b0 + k * b_k
        y0 = load(b, b_at + 0 * W)
        y1 = load(b, b_at + 1 * W)
        y2 = load(b, b_at + 2 * W)
        y3 = load(b, b_at + 3 * W)
        x = splat_row(a, a_at, 0, a_row)
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        x = splat_row(a, a_at, 1, row1)
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        s1_2 = fma(x, y2, s1_2)
        s1_3 = fma(x, y3, s1_3)
        x = splat_row(a, a_at, 1, row2)
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        s2_2 = fma(x, y2, s2_2)
        s2_3 = fma(x, y3, s2_3)
        x = splat_row(a, a_at, 1, row3)
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        s3_2 = fma(x, y2, s3_2)
        s3_3 = fma(x, y3, s3_3)
        x = splat_row(a, a_at, 1, row4)
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        s4_2 = fma(x, y2, s4_2)
        s4_3 = fma(x, y3, s4_3)
        x = splat_row(a, a_at, 1, row5)
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        s5_2 = fma(x, y2, s5_2)
        s5_3 = fma(x, y3, s5_3)
        keep_turns_apart()
    if beta == 0:
        s0_0 = alpha * s0_0
        s0_1 = alpha * s0_1
        s0_2 = alpha * s0_2
        s0_3 = alpha * s0_3
        s1_0 = alpha * s1_0
        s1_1 = alpha * s1_1
        s1_2 = alpha * s1_2
        s1_3 = alpha * s1_3
        s2_0 = alpha * s2_0
        s2_1 = alpha * s2_1
        s2_2 = alpha * s2_2
        s2_3 = alpha * s2_3
        s3_0 = alpha * s3_0
        s3_1 = alpha * s3_1
        s3_2 = alpha * s3_2
        s3_3 = alpha * s3_3
        s4_0 = alpha * s4_0
        s4_1 = alpha * s4_1
        s4_2 = alpha * s4_2
        s4_3 = alpha * s4_3
        s5_0 = alpha * s5_0
        s5_1 = alpha * s5_1
        s5_2 = alpha * s5_2
        s5_3 = alpha * s5_3
    else:
        s0_0 = combine(s0_0, alpha, beta, d, d0, W)
        s0_1 = combine(s0_1, alpha, beta, d, d0 + 1 * W, W)
        s0_2 = combine(s0_2, alpha, beta, d, d0 + 2 * W, W)
        s0_3 = combine(s0_3, alpha, beta, d, d0 + 3 * W, W)
        d0 += d_row
        s1_0 = combine(s1_0, alpha, beta, d, d0, W)
        s1_1 = combine(s1_1, alpha, beta, d, d0 + 1 * W, W)
        s1_2 = combine(s1_2, alpha, beta, d, d0 + 2 * W, W)
        s1_3 = combine(s1_3, alpha, beta, d, d0 + 3 * W, W)
        d0 += d_row
        s2_0 = combine(s2_0, alpha, beta, d, d0, W)
        s2_1 = combine(s2_1, alpha, beta, d, d0 + 1 * W, W)
        s2_2 = combine(s2_2, alpha, beta, d, d0 + 2 * W, W)
        s2_3 = combine(s2_3, alpha, beta, d, d0 + 3 * W, W)
        d0 += d_row
        s3_0 = combine(s3_0, alpha, beta, d, d0, W)
        s3_1 = combine(s3_1, alpha, beta, d, d0 + 1 * W, W)
        s3_2 = combine(s3_2, alpha, beta, d, d0 + 2 * W, W)
        s3_3 = combine(s3_3, alpha, beta, d, d0 + 3 * W, W)
        d0 += d_row
        s4_0 = combine(s4_0, alpha, beta, d, d0, W)
        s4_1 = combine(s4_1, alpha, beta, d, d0 + 1 * W, W)
        s4_2 = combine(s4_2, alpha, beta, d, d0 + 2 * W, W)
        s4_3 = combine(s4_3, alpha, beta, d, d0 + 3 * W, W)
        d0 += d_row
        s5_0 = combine(s5_0, alpha, beta, d, d0, W)
        s5_1 = combine(s5_1, alpha, beta, d, d0 + 1 * W, W)
        s5_2 = combine(s5_2, alpha, beta, d, d0 + 2 * W, W)
        s5_3 = combine(s5_3, alpha, beta, d, d0 + 3 * W, W)
    store_part(out, out0, s0_0, W)
    store_part(out, out0 + 1 * W, s0_1, W)
    store_part(out, out0 + 2 * W, s0_2, W)
    store_part(out, out0 + 3 * W, s0_3, W)
    out0 += out_row
    store_part(out, out0, s1_0, W)
    store_part(out, out0 + 1 * W, s1_1, W)
    store_part(out, out0 + 2 * W, s1_2, W)
    store_part(out, out0 + 3 * W, s1_3, W)
    out0 += out_row
    store_part(out, out0, s2_0, W)
    store_part(out, out0 + 1 * W, s2_1, W)
    store_part(out, out0 + 2 * W, s2_2, W)
    store_part(out, out0 + 3 * W, s2_3, W)
    out0 += out_row
    store_part(out, out0, s3_0, W)
    store_part(out, out0 + 1 * W, s3_1, W)
    store_part(out, out0 + 2 * W, s3_2, W)
    store_part(out, out0 + 3 * W, s3_3, W)
    out0 += out_row
    store_part(out, out0, s4_0, W)
    store_part(out, out0 + 1 * W, s4_1, W)
    store_part(out, out0 + 2 * W, s4_2, W)
    store_part(out, out0 + 3 * W, s4_3, W)
    out0 += out_row
    store_part(out, out0, s5_0, W)
    store_part(out, out0 + 1 * W, s5_1, W)
    store_part(out, out0 + 2 * W, s5_2, W)
    store_part(out, out0 + 3 * W, s5_3, W)


@inner_jit
def sums_tall(
    a, a0, a_row, a_k, b, b0, b_k, b_panel, M, N, K, alpha, beta, d, d0, d_row, out, out0,
    out_row, next_b, next_at, next_row, next_count, soon, soon_at, pace,
):
    """out (M, N) = alpha * a b + beta * d, panels of 4 W columns, in tiles.

    Element (r, k) of a is a[a0 + r a_row + k a_k]; element (k, c) of b, c in the panel that
    begins at column p, is b[b0 + p b_panel + k b_k + c - p].  After each tile `next_count`
    rows of a panel of next_b, `next_row` apart, are asked for: what the next call reads.
    Each tile also asks evenly for `pace` numbers of `soon` with each that it reads of a: that of
    rows i .. i + R - 1 for what is (i + R) K pace behind soon_at.  Where a's rows follow each
    other, a, a0 and 1 ask for the rows of the next tile.
    """
    W = width(item_bytes(a))
    for p in range(0, N, 4 * W):
        end = min(N, p + 4 * W)
        j = p
        while j < end:
            left = end - j
            b_at = b0 + p * b_panel + j - p
            i = 0
            if left > 3 * W:
                last = min(W, left - 3 * W)
                while i < M:
                    a_at, d_at = a0 + i * a_row, d0 + i * d_row + j
                    out_at = out0 + i * out_row + j
                    n = M - i
                    if n >= 6 and n != 8 and n != 9 and last == W and pace == 0:
                        full_6x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row,
                        )
                        i += 6
                    elif n >= 6 and n != 8 and n != 9:
                        tile_6x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 6) * pace * K, 6 * pace,
                        )
                        i += 6
                    elif n >= 4:
                        tile_4x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 4) * pace * K, 4 * pace,
                        )
                        i += 4
                    elif n >= 2:
                        tile_2x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 2) * pace * K, 2 * pace,
                        )
                        i += 2
                    else:
                        tile_1x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 1) * pace * K, 1 * pace,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(4):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 4 * W
            elif left > 1 * W:
                last = min(W, left - 1 * W)
                while i < M:
                    a_at, d_at = a0 + i * a_row, d0 + i * d_row + j
                    out_at = out0 + i * out_row + j
                    n = M - i
                    if n >= 12:
                        tile_12x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 12) * pace * K, 12 * pace,
                        )
                        i += 12
                    elif n >= 6 and n != 8 and n != 9:
                        tile_6x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 6) * pace * K, 6 * pace,
                        )
                        i += 6
                    elif n >= 4:
                        tile_4x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 4) * pace * K, 4 * pace,
                        )
                        i += 4
                    else:
                        tile_1x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 1) * pace * K, 1 * pace,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(4):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 2 * W
            else:
                last = min(W, left - 0 * W)
                while i < M:
                    a_at, d_at = a0 + i * a_row, d0 + i * d_row + j
                    out_at = out0 + i * out_row + j
                    n = M - i
                    if n >= 16:
                        tile_16x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 16) * pace * K, 16 * pace,
                        )
                        i += 16
                    elif n >= 8:
                        tile_8x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 8) * pace * K, 8 * pace,
                        )
                        i += 8
                    elif n >= 4:
                        tile_4x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 4) * pace * K, 4 * pace,
                        )
                        i += 4
                    else:
                        tile_1x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 1) * pace * K, 1 * pace,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(4):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 1 * W


@inner_jit
def sums_short(
    a, a0, a_row, a_k, b, b0, b_k, b_panel, M, N, K, alpha, beta, d, d0, d_row, out, out0,
    out_row, next_b, next_at, next_row, next_count, soon, soon_at, pace,
):
    """out (M, N) = alpha * a b + beta * d, panels of 2 W columns, in tiles.

    Element (r, k) of a is a[a0 + r a_row + k a_k]; element (k, c) of b, c in the panel that
    begins at column p, is b[b0 + p b_panel + k b_k + c - p].  After each tile `next_count`
    rows of a panel of next_b, `next_row` apart, are asked for: what the next call reads.
    Each tile also asks evenly for `pace` numbers of `soon` with each that it reads of a: that of
    rows i .. i + R - 1 for what is (i + R) K pace behind soon_at.  Where a's rows follow each
    other, a, a0 and 1 ask for the rows of the next tile.
    """
    W = width(item_bytes(a))
    for p in range(0, N, 2 * W):
        end = min(N, p + 2 * W)
        j = p
        while j < end:
            left = end - j
            b_at = b0 + p * b_panel + j - p
            i = 0
            if left > 1 * W:
                last = min(W, left - 1 * W)
                while i < M:
                    a_at, d_at = a0 + i * a_row, d0 + i * d_row + j
                    out_at = out0 + i * out_row + j
                    n = M - i
                    if n >= 6 and n != 8 and n != 9 and last == W:
                        full_6x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row,
                        )
                        i += 6
                    elif n >= 6 and n != 8 and n != 9:
                        tile_6x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 6) * pace * K, 6 * pace,
                        )
                        i += 6
                    elif n >= 4:
                        tile_4x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 4) * pace * K, 4 * pace,
                        )
                        i += 4
                    elif n >= 2:
                        tile_2x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 2) * pace * K, 2 * pace,
                        )
                        i += 2
                    else:
                        tile_1x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 1) * pace * K, 1 * pace,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(2):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 2 * W
            else:
                last = min(W, left - 0 * W)
                while i < M:
                    a_at, d_at = a0 + i * a_row, d0 + i * d_row + j
                    out_at = out0 + i * out_row + j
                    n = M - i
                    if n >= 12:
                        tile_12x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 12) * pace * K, 12 * pace,
                        )
                        i += 12
                    elif n >= 4:
                        tile_4x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 4) * pace * K, 4 * pace,
                        )
                        i += 4
                    else:
                        tile_1x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last, soon,
                            soon_at + (i + 1) * pace * K, 1 * pace,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(2):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 1 * W


@inner_jit
def dot_1x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """1 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
    store_total(out, out0, s0_0, b, i)


@inner_jit
def dot_1x3(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """1 x 3 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_0
    w1 = w0 + w_row
    w2 = w1 + w_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        y = load(w, w1 + k)
        s0_1 = fma(x0, y, s0_1)
        y = load(w, w2 + k)
        s0_2 = fma(x0, y, s0_2)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        y = load_part(w, w1 + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        y = load_part(w, w2 + k, K - full)
        s0_2 = fma(x0, y, s0_2)
    store_total(out, out0, s0_0, b, i)
    store_total(out, out0 + 1, s0_1, b, i + 1)
    store_total(out, out0 + 2, s0_2, b, i + 2)


@inner_jit
def dot_1x5(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """1 x 5 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s0_4 = s0_0
    w1 = w0 + w_row
    w2 = w1 + w_row
    w3 = w2 + w_row
    w4 = w3 + w_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        y = load(w, w1 + k)
        s0_1 = fma(x0, y, s0_1)
        y = load(w, w2 + k)
        s0_2 = fma(x0, y, s0_2)
        y = load(w, w3 + k)
        s0_3 = fma(x0, y, s0_3)
        y = load(w, w4 + k)
        s0_4 = fma(x0, y, s0_4)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        y = load_part(w, w1 + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        y = load_part(w, w2 + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        y = load_part(w, w3 + k, K - full)
        s0_3 = fma(x0, y, s0_3)
        y = load_part(w, w4 + k, K - full)
        s0_4 = fma(x0, y, s0_4)
    store_total(out, out0, s0_0, b, i)
    store_total(out, out0 + 1, s0_1, b, i + 1)
    store_total(out, out0 + 2, s0_2, b, i + 2)
    store_total(out, out0 + 3, s0_3, b, i + 3)
    store_total(out, out0 + 4, s0_4, b, i + 4)


@inner_jit
def dot_2x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """2 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s0_0
    a1 = a0 + a_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
    store_total(out, out0, s0_0, b, i)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)


@inner_jit
def dot_2x3(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """2 x 3 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s1_0 = s1_1 = s1_2 = s0_0
    a1 = a0 + a_row
    w1 = w0 + w_row
    w2 = w1 + w_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        y = load(w, w1 + k)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        y = load(w, w2 + k)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        y = load_part(w, w1 + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        y = load_part(w, w2 + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
    store_total(out, out0, s0_0, b, i)
    store_total(out, out0 + 1, s0_1, b, i + 1)
    store_total(out, out0 + 2, s0_2, b, i + 2)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)
    store_total(out, out0 + 1, s1_1, b, i + 1)
    store_total(out, out0 + 2, s1_2, b, i + 2)


@inner_jit
def dot_2x5(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """2 x 5 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s0_4 = s1_0 = s1_1 = s1_2 = s1_3 = s1_4 = s0_0
    a1 = a0 + a_row
    w1 = w0 + w_row
    w2 = w1 + w_row
    w3 = w2 + w_row
    w4 = w3 + w_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        y = load(w, w1 + k)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        y = load(w, w2 + k)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        y = load(w, w3 + k)
        s0_3 = fma(x0, y, s0_3)
        s1_3 = fma(x1, y, s1_3)
        y = load(w, w4 + k)
        s0_4 = fma(x0, y, s0_4)
        s1_4 = fma(x1, y, s1_4)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        y = load_part(w, w1 + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        y = load_part(w, w2 + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        y = load_part(w, w3 + k, K - full)
        s0_3 = fma(x0, y, s0_3)
        s1_3 = fma(x1, y, s1_3)
        y = load_part(w, w4 + k, K - full)
        s0_4 = fma(x0, y, s0_4)
        s1_4 = fma(x1, y, s1_4)
    store_total(out, out0, s0_0, b, i)
    store_total(out, out0 + 1, s0_1, b, i + 1)
    store_total(out, out0 + 2, s0_2, b, i + 2)
    store_total(out, out0 + 3, s0_3, b, i + 3)
    store_total(out, out0 + 4, s0_4, b, i + 4)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)
    store_total(out, out0 + 1, s1_1, b, i + 1)
    store_total(out, out0 + 2, s1_2, b, i + 2)
    store_total(out, out0 + 3, s1_3, b, i + 3)
    store_total(out, out0 + 4, s1_4, b, i + 4)


@inner_jit
def dot_3x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """3 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s2_0 = s0_0
    a1 = a0 + a_row
    a2 = a1 + a_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        x2 = load(a, a2 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        x2 = load_part(a, a2 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
    store_total(out, out0, s0_0, b, i)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)
    out0 += out_row
    store_total(out, out0, s2_0, b, i)


@inner_jit
def dot_3x3(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """3 x 3 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s1_0 = s1_1 = s1_2 = s2_0 = s2_1 = s2_2 = s0_0
    a1 = a0 + a_row
    a2 = a1 + a_row
    w1 = w0 + w_row
    w2 = w1 + w_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        x2 = load(a, a2 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        y = load(w, w1 + k)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        y = load(w, w2 + k)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        x2 = load_part(a, a2 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        y = load_part(w, w1 + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        y = load_part(w, w2 + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
    store_total(out, out0, s0_0, b, i)
    store_total(out, out0 + 1, s0_1, b, i + 1)
    store_total(out, out0 + 2, s0_2, b, i + 2)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)
    store_total(out, out0 + 1, s1_1, b, i + 1)
    store_total(out, out0 + 2, s1_2, b, i + 2)
    out0 += out_row
    store_total(out, out0, s2_0, b, i)
    store_total(out, out0 + 1, s2_1, b, i + 1)
    store_total(out, out0 + 2, s2_2, b, i + 2)


@inner_jit
def dot_5x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """5 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s1_0 = s2_0 = s3_0 = s4_0 = s0_0
    a1 = a0 + a_row
    a2 = a1 + a_row
    a3 = a2 + a_row
    a4 = a3 + a_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        x2 = load(a, a2 + k)
        x3 = load(a, a3 + k)
        x4 = load(a, a4 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        x2 = load_part(a, a2 + k, K - full)
        x3 = load_part(a, a3 + k, K - full)
        x4 = load_part(a, a4 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
    store_total(out, out0, s0_0, b, i)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)
    out0 += out_row
    store_total(out, out0, s2_0, b, i)
    out0 += out_row
    store_total(out, out0, s3_0, b, i)
    out0 += out_row
    store_total(out, out0, s4_0, b, i)


@inner_jit
def dot_5x5(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """5 x 5 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(item_bytes(a))
    s0_0 = splat(a.dtype.type(0))
    s0_1 = s0_2 = s0_3 = s0_4 = s1_0 = s1_1 = s1_2 = s1_3 = s1_4 = s2_0 = s2_1 = s2_2 = s2_3 = s2_4 = s3_0 = s3_1 = s3_2 = s3_3 = s3_4 = s4_0 = s4_1 = s4_2 = s4_3 = s4_4 = s0_0
    a1 = a0 + a_row
    a2 = a1 + a_row
    a3 = a2 + a_row
    a4 = a3 + a_row
    w1 = w0 + w_row
    w2 = w1 + w_row
    w3 = w2 + w_row
    w4 = w3 + w_row
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + k)
        x1 = load(a, a1 + k)
        x2 = load(a, a2 + k)
        x3 = load(a, a3 + k)
        x4 = load(a, a4 + k)
        y = load(w, w0 + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
        y = load(w, w1 + k)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        s3_1 = fma(x3, y, s3_1)
        s4_1 = fma(x4, y, s4_1)
        y = load(w, w2 + k)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
        s3_2 = fma(x3, y, s3_2)
        s4_2 = fma(x4, y, s4_2)
        y = load(w, w3 + k)
        s0_3 = fma(x0, y, s0_3)
        s1_3 = fma(x1, y, s1_3)
        s2_3 = fma(x2, y, s2_3)
        s3_3 = fma(x3, y, s3_3)
        s4_3 = fma(x4, y, s4_3)
        y = load(w, w4 + k)
        s0_4 = fma(x0, y, s0_4)
        s1_4 = fma(x1, y, s1_4)
        s2_4 = fma(x2, y, s2_4)
        s3_4 = fma(x3, y, s3_4)
        s4_4 = fma(x4, y, s4_4)
        keep_turns_apart()
    if full < K:
        k = full
        x0 = load_part(a, a0 + k, K - full)
        x1 = load_part(a, a1 + k, K - full)
        x2 = load_part(a, a2 + k, K - full)
        x3 = load_part(a, a3 + k, K - full)
        x4 = load_part(a, a4 + k, K - full)
        y = load_part(w, w0 + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
        y = load_part(w, w1 + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        s3_1 = fma(x3, y, s3_1)
        s4_1 = fma(x4, y, s4_1)
        y = load_part(w, w2 + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
        s3_2 = fma(x3, y, s3_2)
        s4_2 = fma(x4, y, s4_2)
        y = load_part(w, w3 + k, K - full)
        s0_3 = fma(x0, y, s0_3)
        s1_3 = fma(x1, y, s1_3)
        s2_3 = fma(x2, y, s2_3)
        s3_3 = fma(x3, y, s3_3)
        s4_3 = fma(x4, y, s4_3)
        y = load_part(w, w4 + k, K - full)
        s0_4 = fma(x0, y, s0_4)
        s1_4 = fma(x1, y, s1_4)
        s2_4 = fma(x2, y, s2_4)
        s3_4 = fma(x3, y, s3_4)
        s4_4 = fma(x4, y, s4_4)
    store_total(out, out0, s0_0, b, i)
    store_total(out, out0 + 1, s0_1, b, i + 1)
    store_total(out, out0 + 2, s0_2, b, i + 2)
    store_total(out, out0 + 3, s0_3, b, i + 3)
    store_total(out, out0 + 4, s0_4, b, i + 4)
    out0 += out_row
    store_total(out, out0, s1_0, b, i)
    store_total(out, out0 + 1, s1_1, b, i + 1)
    store_total(out, out0 + 2, s1_2, b, i + 2)
    store_total(out, out0 + 3, s1_3, b, i + 3)
    store_total(out, out0 + 4, s1_4, b, i + 4)
    out0 += out_row
    store_total(out, out0, s2_0, b, i)
    store_total(out, out0 + 1, s2_1, b, i + 1)
    store_total(out, out0 + 2, s2_2, b, i + 2)
    store_total(out, out0 + 3, s2_3, b, i + 3)
    store_total(out, out0 + 4, s2_4, b, i + 4)
    out0 += out_row
    store_total(out, out0, s3_0, b, i)
    store_total(out, out0 + 1, s3_1, b, i + 1)
    store_total(out, out0 + 2, s3_2, b, i + 2)
    store_total(out, out0 + 3, s3_3, b, i + 3)
    store_total(out, out0 + 4, s3_4, b, i + 4)
    out0 += out_row
    store_total(out, out0, s4_0, b, i)
    store_total(out, out0 + 1, s4_1, b, i + 1)
    store_total(out, out0 + 2, s4_2, b, i + 2)
    store_total(out, out0 + 3, s4_3, b, i + 3)
    store_total(out, out0 + 4, s4_4, b, i + 4)


@inner_jit
def dots_tall(a, a0, a_row, w, w0, w_row, M, N, K, b, out, out0, out_row):
    """out (M, N): out_ri = b_i + sum_k a_rk w_ik, both contiguous in k, in tiles."""
    i = 0
    while i < N:
        r = 0
        wide = i + 5 <= N
        while r < M:
            a_at, w_at, out_at = a0 + r * a_row, w0 + i * w_row, out0 + r * out_row + i
            if r + 5 <= M:
                if wide:
                    dot_5x5(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                else:
                    dot_5x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                r += 5
            elif r + 2 <= M:
                if wide:
                    dot_2x5(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                else:
                    dot_2x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                r += 2
            else:
                if wide:
                    dot_1x5(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                else:
                    dot_1x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                r += 1
        i += 5 if wide else 1


@inner_jit
def dots_short(a, a0, a_row, w, w0, w_row, M, N, K, b, out, out0, out_row):
    """out (M, N): out_ri = b_i + sum_k a_rk w_ik, both contiguous in k, in tiles."""
    i = 0
    while i < N:
        r = 0
        wide = i + 3 <= N
        while r < M:
            a_at, w_at, out_at = a0 + r * a_row, w0 + i * w_row, out0 + r * out_row + i
            if r + 3 <= M:
                if wide:
                    dot_3x3(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                else:
                    dot_3x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                r += 3
            elif r + 2 <= M:
                if wide:
                    dot_2x3(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                else:
                    dot_2x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                r += 2
            else:
                if wide:
                    dot_1x3(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                else:
                    dot_1x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
                r += 1
        i += 3 if wide else 1


@inner_jit
def transpose_2(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for up to 2 rows and columns."""
    x0 = load_part(w, w0 + 0 * w_row, columns) if rows > 0 else splat(w.dtype.type(0))
    x1 = load_part(w, w0 + 1 * w_row, columns) if rows > 1 else splat(w.dtype.type(0))
    x0, x1 = zip_low(x0, x1), zip_high(x0, x1)
    if columns > 0:
        store_part(out, out0 + 0 * out_row, x0, rows)
    if columns > 1:
        store_part(out, out0 + 1 * out_row, x1, rows)


@inner_jit
def transpose_4(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for up to 4 rows and columns."""
    x0 = load_part(w, w0 + 0 * w_row, columns) if rows > 0 else splat(w.dtype.type(0))
    x1 = load_part(w, w0 + 1 * w_row, columns) if rows > 1 else splat(w.dtype.type(0))
    x2 = load_part(w, w0 + 2 * w_row, columns) if rows > 2 else splat(w.dtype.type(0))
    x3 = load_part(w, w0 + 3 * w_row, columns) if rows > 3 else splat(w.dtype.type(0))
    x0, x1, x2, x3 = zip_low(x0, x2), zip_high(x0, x2), zip_low(x1, x3), zip_high(x1, x3)
    x0, x1, x2, x3 = zip_low(x0, x2), zip_high(x0, x2), zip_low(x1, x3), zip_high(x1, x3)
    if columns > 0:
        store_part(out, out0 + 0 * out_row, x0, rows)
    if columns > 1:
        store_part(out, out0 + 1 * out_row, x1, rows)
    if columns > 2:
        store_part(out, out0 + 2 * out_row, x2, rows)
    if columns > 3:
        store_part(out, out0 + 3 * out_row, x3, rows)


@inner_jit
def transpose_8(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for up to 8 rows and columns."""
    x0 = load_part(w, w0 + 0 * w_row, columns) if rows > 0 else splat(w.dtype.type(0))
    x1 = load_part(w, w0 + 1 * w_row, columns) if rows > 1 else splat(w.dtype.type(0))
    x2 = load_part(w, w0 + 2 * w_row, columns) if rows > 2 else splat(w.dtype.type(0))
    x3 = load_part(w, w0 + 3 * w_row, columns) if rows > 3 else splat(w.dtype.type(0))
    x4 = load_part(w, w0 + 4 * w_row, columns) if rows > 4 else splat(w.dtype.type(0))
    x5 = load_part(w, w0 + 5 * w_row, columns) if rows > 5 else splat(w.dtype.type(0))
    x6 = load_part(w, w0 + 6 * w_row, columns) if rows > 6 else splat(w.dtype.type(0))
    x7 = load_part(w, w0 + 7 * w_row, columns) if rows > 7 else splat(w.dtype.type(0))
    x0, x1, x2, x3, x4, x5, x6, x7 = zip_low(x0, x4), zip_high(x0, x4), zip_low(x1, x5), zip_high(x1, x5), zip_low(x2, x6), zip_high(x2, x6), zip_low(x3, x7), zip_high(x3, x7)
    x0, x1, x2, x3, x4, x5, x6, x7 = zip_low(x0, x4), zip_high(x0, x4), zip_low(x1, x5), zip_high(x1, x5), zip_low(x2, x6), zip_high(x2, x6), zip_low(x3, x7), zip_high(x3, x7)
    x0, x1, x2, x3, x4, x5, x6, x7 = zip_low(x0, x4), zip_high(x0, x4), zip_low(x1, x5), zip_high(x1, x5), zip_low(x2, x6), zip_high(x2, x6), zip_low(x3, x7), zip_high(x3, x7)
    if columns > 0:
        store_part(out, out0 + 0 * out_row, x0, rows)
    if columns > 1:
        store_part(out, out0 + 1 * out_row, x1, rows)
    if columns > 2:
        store_part(out, out0 + 2 * out_row, x2, rows)
    if columns > 3:
        store_part(out, out0 + 3 * out_row, x3, rows)
    if columns > 4:
        store_part(out, out0 + 4 * out_row, x4, rows)
    if columns > 5:
        store_part(out, out0 + 5 * out_row, x5, rows)
    if columns > 6:
        store_part(out, out0 + 6 * out_row, x6, rows)
    if columns > 7:
        store_part(out, out0 + 7 * out_row, x7, rows)


@inner_jit
def transpose_16(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for up to 16 rows and columns."""
    x0 = load_part(w, w0 + 0 * w_row, columns) if rows > 0 else splat(w.dtype.type(0))
    x1 = load_part(w, w0 + 1 * w_row, columns) if rows > 1 else splat(w.dtype.type(0))
    x2 = load_part(w, w0 + 2 * w_row, columns) if rows > 2 else splat(w.dtype.type(0))
    x3 = load_part(w, w0 + 3 * w_row, columns) if rows > 3 else splat(w.dtype.type(0))
    x4 = load_part(w, w0 + 4 * w_row, columns) if rows > 4 else splat(w.dtype.type(0))
    x5 = load_part(w, w0 + 5 * w_row, columns) if rows > 5 else splat(w.dtype.type(0))
    x6 = load_part(w, w0 + 6 * w_row, columns) if rows > 6 else splat(w.dtype.type(0))
    x7 = load_part(w, w0 + 7 * w_row, columns) if rows > 7 else splat(w.dtype.type(0))
    x8 = load_part(w, w0 + 8 * w_row, columns) if rows > 8 else splat(w.dtype.type(0))
    x9 = load_part(w, w0 + 9 * w_row, columns) if rows > 9 else splat(w.dtype.type(0))
    x10 = load_part(w, w0 + 10 * w_row, columns) if rows > 10 else splat(w.dtype.type(0))
    x11 = load_part(w, w0 + 11 * w_row, columns) if rows > 11 else splat(w.dtype.type(0))
    x12 = load_part(w, w0 + 12 * w_row, columns) if rows > 12 else splat(w.dtype.type(0))
    x13 = load_part(w, w0 + 13 * w_row, columns) if rows > 13 else splat(w.dtype.type(0))
    x14 = load_part(w, w0 + 14 * w_row, columns) if rows > 14 else splat(w.dtype.type(0))
    x15 = load_part(w, w0 + 15 * w_row, columns) if rows > 15 else splat(w.dtype.type(0))
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15 = zip_low(x0, x8), zip_high(x0, x8), zip_low(x1, x9), zip_high(x1, x9), zip_low(x2, x10), zip_high(x2, x10), zip_low(x3, x11), zip_high(x3, x11), zip_low(x4, x12), zip_high(x4, x12), zip_low(x5, x13), zip_high(x5, x13), zip_low(x6, x14), zip_high(x6, x14), zip_low(x7, x15), zip_high(x7, x15)
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15 = zip_low(x0, x8), zip_high(x0, x8), zip_low(x1, x9), zip_high(x1, x9), zip_low(x2, x10), zip_high(x2, x10), zip_low(x3, x11), zip_high(x3, x11), zip_low(x4, x12), zip_high(x4, x12), zip_low(x5, x13), zip_high(x5, x13), zip_low(x6, x14), zip_high(x6, x14), zip_low(x7, x15), zip_high(x7, x15)
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15 = zip_low(x0, x8), zip_high(x0, x8), zip_low(x1, x9), zip_high(x1, x9), zip_low(x2, x10), zip_high(x2, x10), zip_low(x3, x11), zip_high(x3, x11), zip_low(x4, x12), zip_high(x4, x12), zip_low(x5, x13), zip_high(x5, x13), zip_low(x6, x14), zip_high(x6, x14), zip_low(x7, x15), zip_high(x7, x15)
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15 = zip_low(x0, x8), zip_high(x0, x8), zip_low(x1, x9), zip_high(x1, x9), zip_low(x2, x10), zip_high(x2, x10), zip_low(x3, x11), zip_high(x3, x11), zip_low(x4, x12), zip_high(x4, x12), zip_low(x5, x13), zip_high(x5, x13), zip_low(x6, x14), zip_high(x6, x14), zip_low(x7, x15), zip_high(x7, x15)
    if columns > 0:
        store_part(out, out0 + 0 * out_row, x0, rows)
    if columns > 1:
        store_part(out, out0 + 1 * out_row, x1, rows)
    if columns > 2:
        store_part(out, out0 + 2 * out_row, x2, rows)
    if columns > 3:
        store_part(out, out0 + 3 * out_row, x3, rows)
    if columns > 4:
        store_part(out, out0 + 4 * out_row, x4, rows)
    if columns > 5:
        store_part(out, out0 + 5 * out_row, x5, rows)
    if columns > 6:
        store_part(out, out0 + 6 * out_row, x6, rows)
    if columns > 7:
        store_part(out, out0 + 7 * out_row, x7, rows)
    if columns > 8:
        store_part(out, out0 + 8 * out_row, x8, rows)
    if columns > 9:
        store_part(out, out0 + 9 * out_row, x9, rows)
    if columns > 10:
        store_part(out, out0 + 10 * out_row, x10, rows)
    if columns > 11:
        store_part(out, out0 + 11 * out_row, x11, rows)
    if columns > 12:
        store_part(out, out0 + 12 * out_row, x12, rows)
    if columns > 13:
        store_part(out, out0 + 13 * out_row, x13, rows)
    if columns > 14:
        store_part(out, out0 + 14 * out_row, x14, rows)
    if columns > 15:
        store_part(out, out0 + 15 * out_row, x15, rows)
