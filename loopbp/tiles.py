"""Tiles of sums in registers.  Written by `loopbp.tile_template`, which explains them; not by hand."""

from loopbp._jit import inner_inline_jit, jit
from loopbp.lanes import (
    fma,
    item,
    load,
    load_part,
    prefetch,
    prefetch_first,
    splat,
    store,
    store_part,
    times,
    total,
    width,
    zip_high,
    zip_low,
)  # fmt: skip


@inner_inline_jit
def tile_1x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """1 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(1):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load_part(b, b0 + k * b_k + 0 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load_part(d, d0 + 0 * d_row + 0 * W, last)))
    store_part(out, out0 + 0 * out_row + 0 * W, s0_0, last)


@inner_inline_jit
def tile_1x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """1 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(1):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load_part(b, b0 + k * b_k + 1 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load_part(d, d0 + 0 * d_row + 1 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store_part(out, out0 + 0 * out_row + 1 * W, s0_1, last)


@inner_inline_jit
def tile_1x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """1 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    s0_3 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(1):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load(b, b0 + k * b_k + 1 * W)
        y2 = load(b, b0 + k * b_k + 2 * W)
        y3 = load_part(b, b0 + k * b_k + 3 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
        s0_2 = times(scale, s0_2)
        s0_3 = times(scale, s0_3)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load(d, d0 + 0 * d_row + 1 * W)))
        s0_2 = fma(scale, s0_2, times(keep, load(d, d0 + 0 * d_row + 2 * W)))
        s0_3 = fma(scale, s0_3, times(keep, load_part(d, d0 + 0 * d_row + 3 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store(out, out0 + 0 * out_row + 1 * W, s0_1)
    store(out, out0 + 0 * out_row + 2 * W, s0_2)
    store_part(out, out0 + 0 * out_row + 3 * W, s0_3, last)


@inner_inline_jit
def tile_4x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """4 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s1_0 = zero
    s2_0 = zero
    s3_0 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(4):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load_part(b, b0 + k * b_k + 0 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s1_0 = times(scale, s1_0)
        s2_0 = times(scale, s2_0)
        s3_0 = times(scale, s3_0)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load_part(d, d0 + 0 * d_row + 0 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load_part(d, d0 + 1 * d_row + 0 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load_part(d, d0 + 2 * d_row + 0 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load_part(d, d0 + 3 * d_row + 0 * W, last)))
    store_part(out, out0 + 0 * out_row + 0 * W, s0_0, last)
    store_part(out, out0 + 1 * out_row + 0 * W, s1_0, last)
    store_part(out, out0 + 2 * out_row + 0 * W, s2_0, last)
    store_part(out, out0 + 3 * out_row + 0 * W, s3_0, last)


@inner_inline_jit
def tile_4x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """4 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s1_0 = zero
    s1_1 = zero
    s2_0 = zero
    s2_1 = zero
    s3_0 = zero
    s3_1 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(4):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load_part(b, b0 + k * b_k + 1 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
        s1_0 = times(scale, s1_0)
        s1_1 = times(scale, s1_1)
        s2_0 = times(scale, s2_0)
        s2_1 = times(scale, s2_1)
        s3_0 = times(scale, s3_0)
        s3_1 = times(scale, s3_1)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load_part(d, d0 + 0 * d_row + 1 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load(d, d0 + 1 * d_row + 0 * W)))
        s1_1 = fma(scale, s1_1, times(keep, load_part(d, d0 + 1 * d_row + 1 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load(d, d0 + 2 * d_row + 0 * W)))
        s2_1 = fma(scale, s2_1, times(keep, load_part(d, d0 + 2 * d_row + 1 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load(d, d0 + 3 * d_row + 0 * W)))
        s3_1 = fma(scale, s3_1, times(keep, load_part(d, d0 + 3 * d_row + 1 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store_part(out, out0 + 0 * out_row + 1 * W, s0_1, last)
    store(out, out0 + 1 * out_row + 0 * W, s1_0)
    store_part(out, out0 + 1 * out_row + 1 * W, s1_1, last)
    store(out, out0 + 2 * out_row + 0 * W, s2_0)
    store_part(out, out0 + 2 * out_row + 1 * W, s2_1, last)
    store(out, out0 + 3 * out_row + 0 * W, s3_0)
    store_part(out, out0 + 3 * out_row + 1 * W, s3_1, last)


@inner_inline_jit
def tile_4x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """4 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    s0_3 = zero
    s1_0 = zero
    s1_1 = zero
    s1_2 = zero
    s1_3 = zero
    s2_0 = zero
    s2_1 = zero
    s2_2 = zero
    s2_3 = zero
    s3_0 = zero
    s3_1 = zero
    s3_2 = zero
    s3_3 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(4):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load(b, b0 + k * b_k + 1 * W)
        y2 = load(b, b0 + k * b_k + 2 * W)
        y3 = load_part(b, b0 + k * b_k + 3 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        s1_2 = fma(x, y2, s1_2)
        s1_3 = fma(x, y3, s1_3)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        s2_2 = fma(x, y2, s2_2)
        s2_3 = fma(x, y3, s2_3)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        s3_2 = fma(x, y2, s3_2)
        s3_3 = fma(x, y3, s3_3)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
        s0_2 = times(scale, s0_2)
        s0_3 = times(scale, s0_3)
        s1_0 = times(scale, s1_0)
        s1_1 = times(scale, s1_1)
        s1_2 = times(scale, s1_2)
        s1_3 = times(scale, s1_3)
        s2_0 = times(scale, s2_0)
        s2_1 = times(scale, s2_1)
        s2_2 = times(scale, s2_2)
        s2_3 = times(scale, s2_3)
        s3_0 = times(scale, s3_0)
        s3_1 = times(scale, s3_1)
        s3_2 = times(scale, s3_2)
        s3_3 = times(scale, s3_3)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load(d, d0 + 0 * d_row + 1 * W)))
        s0_2 = fma(scale, s0_2, times(keep, load(d, d0 + 0 * d_row + 2 * W)))
        s0_3 = fma(scale, s0_3, times(keep, load_part(d, d0 + 0 * d_row + 3 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load(d, d0 + 1 * d_row + 0 * W)))
        s1_1 = fma(scale, s1_1, times(keep, load(d, d0 + 1 * d_row + 1 * W)))
        s1_2 = fma(scale, s1_2, times(keep, load(d, d0 + 1 * d_row + 2 * W)))
        s1_3 = fma(scale, s1_3, times(keep, load_part(d, d0 + 1 * d_row + 3 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load(d, d0 + 2 * d_row + 0 * W)))
        s2_1 = fma(scale, s2_1, times(keep, load(d, d0 + 2 * d_row + 1 * W)))
        s2_2 = fma(scale, s2_2, times(keep, load(d, d0 + 2 * d_row + 2 * W)))
        s2_3 = fma(scale, s2_3, times(keep, load_part(d, d0 + 2 * d_row + 3 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load(d, d0 + 3 * d_row + 0 * W)))
        s3_1 = fma(scale, s3_1, times(keep, load(d, d0 + 3 * d_row + 1 * W)))
        s3_2 = fma(scale, s3_2, times(keep, load(d, d0 + 3 * d_row + 2 * W)))
        s3_3 = fma(scale, s3_3, times(keep, load_part(d, d0 + 3 * d_row + 3 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store(out, out0 + 0 * out_row + 1 * W, s0_1)
    store(out, out0 + 0 * out_row + 2 * W, s0_2)
    store_part(out, out0 + 0 * out_row + 3 * W, s0_3, last)
    store(out, out0 + 1 * out_row + 0 * W, s1_0)
    store(out, out0 + 1 * out_row + 1 * W, s1_1)
    store(out, out0 + 1 * out_row + 2 * W, s1_2)
    store_part(out, out0 + 1 * out_row + 3 * W, s1_3, last)
    store(out, out0 + 2 * out_row + 0 * W, s2_0)
    store(out, out0 + 2 * out_row + 1 * W, s2_1)
    store(out, out0 + 2 * out_row + 2 * W, s2_2)
    store_part(out, out0 + 2 * out_row + 3 * W, s2_3, last)
    store(out, out0 + 3 * out_row + 0 * W, s3_0)
    store(out, out0 + 3 * out_row + 1 * W, s3_1)
    store(out, out0 + 3 * out_row + 2 * W, s3_2)
    store_part(out, out0 + 3 * out_row + 3 * W, s3_3, last)


@inner_inline_jit
def tile_6x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """6 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s1_0 = zero
    s1_1 = zero
    s2_0 = zero
    s2_1 = zero
    s3_0 = zero
    s3_1 = zero
    s4_0 = zero
    s4_1 = zero
    s5_0 = zero
    s5_1 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(6):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load_part(b, b0 + k * b_k + 1 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        x = splat(item(a, a0 + 4 * a_row + k * a_k))
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        x = splat(item(a, a0 + 5 * a_row + k * a_k))
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
        s1_0 = times(scale, s1_0)
        s1_1 = times(scale, s1_1)
        s2_0 = times(scale, s2_0)
        s2_1 = times(scale, s2_1)
        s3_0 = times(scale, s3_0)
        s3_1 = times(scale, s3_1)
        s4_0 = times(scale, s4_0)
        s4_1 = times(scale, s4_1)
        s5_0 = times(scale, s5_0)
        s5_1 = times(scale, s5_1)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load_part(d, d0 + 0 * d_row + 1 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load(d, d0 + 1 * d_row + 0 * W)))
        s1_1 = fma(scale, s1_1, times(keep, load_part(d, d0 + 1 * d_row + 1 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load(d, d0 + 2 * d_row + 0 * W)))
        s2_1 = fma(scale, s2_1, times(keep, load_part(d, d0 + 2 * d_row + 1 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load(d, d0 + 3 * d_row + 0 * W)))
        s3_1 = fma(scale, s3_1, times(keep, load_part(d, d0 + 3 * d_row + 1 * W, last)))
        s4_0 = fma(scale, s4_0, times(keep, load(d, d0 + 4 * d_row + 0 * W)))
        s4_1 = fma(scale, s4_1, times(keep, load_part(d, d0 + 4 * d_row + 1 * W, last)))
        s5_0 = fma(scale, s5_0, times(keep, load(d, d0 + 5 * d_row + 0 * W)))
        s5_1 = fma(scale, s5_1, times(keep, load_part(d, d0 + 5 * d_row + 1 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store_part(out, out0 + 0 * out_row + 1 * W, s0_1, last)
    store(out, out0 + 1 * out_row + 0 * W, s1_0)
    store_part(out, out0 + 1 * out_row + 1 * W, s1_1, last)
    store(out, out0 + 2 * out_row + 0 * W, s2_0)
    store_part(out, out0 + 2 * out_row + 1 * W, s2_1, last)
    store(out, out0 + 3 * out_row + 0 * W, s3_0)
    store_part(out, out0 + 3 * out_row + 1 * W, s3_1, last)
    store(out, out0 + 4 * out_row + 0 * W, s4_0)
    store_part(out, out0 + 4 * out_row + 1 * W, s4_1, last)
    store(out, out0 + 5 * out_row + 0 * W, s5_0)
    store_part(out, out0 + 5 * out_row + 1 * W, s5_1, last)


@inner_inline_jit
def tile_6x4(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """6 x 4 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    s0_3 = zero
    s1_0 = zero
    s1_1 = zero
    s1_2 = zero
    s1_3 = zero
    s2_0 = zero
    s2_1 = zero
    s2_2 = zero
    s2_3 = zero
    s3_0 = zero
    s3_1 = zero
    s3_2 = zero
    s3_3 = zero
    s4_0 = zero
    s4_1 = zero
    s4_2 = zero
    s4_3 = zero
    s5_0 = zero
    s5_1 = zero
    s5_2 = zero
    s5_3 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(6):
            for v in range(4):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load(b, b0 + k * b_k + 1 * W)
        y2 = load(b, b0 + k * b_k + 2 * W)
        y3 = load_part(b, b0 + k * b_k + 3 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        s0_2 = fma(x, y2, s0_2)
        s0_3 = fma(x, y3, s0_3)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        s1_2 = fma(x, y2, s1_2)
        s1_3 = fma(x, y3, s1_3)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        s2_2 = fma(x, y2, s2_2)
        s2_3 = fma(x, y3, s2_3)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        s3_2 = fma(x, y2, s3_2)
        s3_3 = fma(x, y3, s3_3)
        x = splat(item(a, a0 + 4 * a_row + k * a_k))
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        s4_2 = fma(x, y2, s4_2)
        s4_3 = fma(x, y3, s4_3)
        x = splat(item(a, a0 + 5 * a_row + k * a_k))
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        s5_2 = fma(x, y2, s5_2)
        s5_3 = fma(x, y3, s5_3)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
        s0_2 = times(scale, s0_2)
        s0_3 = times(scale, s0_3)
        s1_0 = times(scale, s1_0)
        s1_1 = times(scale, s1_1)
        s1_2 = times(scale, s1_2)
        s1_3 = times(scale, s1_3)
        s2_0 = times(scale, s2_0)
        s2_1 = times(scale, s2_1)
        s2_2 = times(scale, s2_2)
        s2_3 = times(scale, s2_3)
        s3_0 = times(scale, s3_0)
        s3_1 = times(scale, s3_1)
        s3_2 = times(scale, s3_2)
        s3_3 = times(scale, s3_3)
        s4_0 = times(scale, s4_0)
        s4_1 = times(scale, s4_1)
        s4_2 = times(scale, s4_2)
        s4_3 = times(scale, s4_3)
        s5_0 = times(scale, s5_0)
        s5_1 = times(scale, s5_1)
        s5_2 = times(scale, s5_2)
        s5_3 = times(scale, s5_3)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load(d, d0 + 0 * d_row + 1 * W)))
        s0_2 = fma(scale, s0_2, times(keep, load(d, d0 + 0 * d_row + 2 * W)))
        s0_3 = fma(scale, s0_3, times(keep, load_part(d, d0 + 0 * d_row + 3 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load(d, d0 + 1 * d_row + 0 * W)))
        s1_1 = fma(scale, s1_1, times(keep, load(d, d0 + 1 * d_row + 1 * W)))
        s1_2 = fma(scale, s1_2, times(keep, load(d, d0 + 1 * d_row + 2 * W)))
        s1_3 = fma(scale, s1_3, times(keep, load_part(d, d0 + 1 * d_row + 3 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load(d, d0 + 2 * d_row + 0 * W)))
        s2_1 = fma(scale, s2_1, times(keep, load(d, d0 + 2 * d_row + 1 * W)))
        s2_2 = fma(scale, s2_2, times(keep, load(d, d0 + 2 * d_row + 2 * W)))
        s2_3 = fma(scale, s2_3, times(keep, load_part(d, d0 + 2 * d_row + 3 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load(d, d0 + 3 * d_row + 0 * W)))
        s3_1 = fma(scale, s3_1, times(keep, load(d, d0 + 3 * d_row + 1 * W)))
        s3_2 = fma(scale, s3_2, times(keep, load(d, d0 + 3 * d_row + 2 * W)))
        s3_3 = fma(scale, s3_3, times(keep, load_part(d, d0 + 3 * d_row + 3 * W, last)))
        s4_0 = fma(scale, s4_0, times(keep, load(d, d0 + 4 * d_row + 0 * W)))
        s4_1 = fma(scale, s4_1, times(keep, load(d, d0 + 4 * d_row + 1 * W)))
        s4_2 = fma(scale, s4_2, times(keep, load(d, d0 + 4 * d_row + 2 * W)))
        s4_3 = fma(scale, s4_3, times(keep, load_part(d, d0 + 4 * d_row + 3 * W, last)))
        s5_0 = fma(scale, s5_0, times(keep, load(d, d0 + 5 * d_row + 0 * W)))
        s5_1 = fma(scale, s5_1, times(keep, load(d, d0 + 5 * d_row + 1 * W)))
        s5_2 = fma(scale, s5_2, times(keep, load(d, d0 + 5 * d_row + 2 * W)))
        s5_3 = fma(scale, s5_3, times(keep, load_part(d, d0 + 5 * d_row + 3 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store(out, out0 + 0 * out_row + 1 * W, s0_1)
    store(out, out0 + 0 * out_row + 2 * W, s0_2)
    store_part(out, out0 + 0 * out_row + 3 * W, s0_3, last)
    store(out, out0 + 1 * out_row + 0 * W, s1_0)
    store(out, out0 + 1 * out_row + 1 * W, s1_1)
    store(out, out0 + 1 * out_row + 2 * W, s1_2)
    store_part(out, out0 + 1 * out_row + 3 * W, s1_3, last)
    store(out, out0 + 2 * out_row + 0 * W, s2_0)
    store(out, out0 + 2 * out_row + 1 * W, s2_1)
    store(out, out0 + 2 * out_row + 2 * W, s2_2)
    store_part(out, out0 + 2 * out_row + 3 * W, s2_3, last)
    store(out, out0 + 3 * out_row + 0 * W, s3_0)
    store(out, out0 + 3 * out_row + 1 * W, s3_1)
    store(out, out0 + 3 * out_row + 2 * W, s3_2)
    store_part(out, out0 + 3 * out_row + 3 * W, s3_3, last)
    store(out, out0 + 4 * out_row + 0 * W, s4_0)
    store(out, out0 + 4 * out_row + 1 * W, s4_1)
    store(out, out0 + 4 * out_row + 2 * W, s4_2)
    store_part(out, out0 + 4 * out_row + 3 * W, s4_3, last)
    store(out, out0 + 5 * out_row + 0 * W, s5_0)
    store(out, out0 + 5 * out_row + 1 * W, s5_1)
    store(out, out0 + 5 * out_row + 2 * W, s5_2)
    store_part(out, out0 + 5 * out_row + 3 * W, s5_3, last)


@inner_inline_jit
def tile_8x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """8 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s1_0 = zero
    s2_0 = zero
    s3_0 = zero
    s4_0 = zero
    s5_0 = zero
    s6_0 = zero
    s7_0 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(8):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load_part(b, b0 + k * b_k + 0 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        x = splat(item(a, a0 + 4 * a_row + k * a_k))
        s4_0 = fma(x, y0, s4_0)
        x = splat(item(a, a0 + 5 * a_row + k * a_k))
        s5_0 = fma(x, y0, s5_0)
        x = splat(item(a, a0 + 6 * a_row + k * a_k))
        s6_0 = fma(x, y0, s6_0)
        x = splat(item(a, a0 + 7 * a_row + k * a_k))
        s7_0 = fma(x, y0, s7_0)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s1_0 = times(scale, s1_0)
        s2_0 = times(scale, s2_0)
        s3_0 = times(scale, s3_0)
        s4_0 = times(scale, s4_0)
        s5_0 = times(scale, s5_0)
        s6_0 = times(scale, s6_0)
        s7_0 = times(scale, s7_0)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load_part(d, d0 + 0 * d_row + 0 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load_part(d, d0 + 1 * d_row + 0 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load_part(d, d0 + 2 * d_row + 0 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load_part(d, d0 + 3 * d_row + 0 * W, last)))
        s4_0 = fma(scale, s4_0, times(keep, load_part(d, d0 + 4 * d_row + 0 * W, last)))
        s5_0 = fma(scale, s5_0, times(keep, load_part(d, d0 + 5 * d_row + 0 * W, last)))
        s6_0 = fma(scale, s6_0, times(keep, load_part(d, d0 + 6 * d_row + 0 * W, last)))
        s7_0 = fma(scale, s7_0, times(keep, load_part(d, d0 + 7 * d_row + 0 * W, last)))
    store_part(out, out0 + 0 * out_row + 0 * W, s0_0, last)
    store_part(out, out0 + 1 * out_row + 0 * W, s1_0, last)
    store_part(out, out0 + 2 * out_row + 0 * W, s2_0, last)
    store_part(out, out0 + 3 * out_row + 0 * W, s3_0, last)
    store_part(out, out0 + 4 * out_row + 0 * W, s4_0, last)
    store_part(out, out0 + 5 * out_row + 0 * W, s5_0, last)
    store_part(out, out0 + 6 * out_row + 0 * W, s6_0, last)
    store_part(out, out0 + 7 * out_row + 0 * W, s7_0, last)


@inner_inline_jit
def tile_12x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """12 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s1_0 = zero
    s2_0 = zero
    s3_0 = zero
    s4_0 = zero
    s5_0 = zero
    s6_0 = zero
    s7_0 = zero
    s8_0 = zero
    s9_0 = zero
    s10_0 = zero
    s11_0 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(12):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load_part(b, b0 + k * b_k + 0 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        x = splat(item(a, a0 + 4 * a_row + k * a_k))
        s4_0 = fma(x, y0, s4_0)
        x = splat(item(a, a0 + 5 * a_row + k * a_k))
        s5_0 = fma(x, y0, s5_0)
        x = splat(item(a, a0 + 6 * a_row + k * a_k))
        s6_0 = fma(x, y0, s6_0)
        x = splat(item(a, a0 + 7 * a_row + k * a_k))
        s7_0 = fma(x, y0, s7_0)
        x = splat(item(a, a0 + 8 * a_row + k * a_k))
        s8_0 = fma(x, y0, s8_0)
        x = splat(item(a, a0 + 9 * a_row + k * a_k))
        s9_0 = fma(x, y0, s9_0)
        x = splat(item(a, a0 + 10 * a_row + k * a_k))
        s10_0 = fma(x, y0, s10_0)
        x = splat(item(a, a0 + 11 * a_row + k * a_k))
        s11_0 = fma(x, y0, s11_0)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s1_0 = times(scale, s1_0)
        s2_0 = times(scale, s2_0)
        s3_0 = times(scale, s3_0)
        s4_0 = times(scale, s4_0)
        s5_0 = times(scale, s5_0)
        s6_0 = times(scale, s6_0)
        s7_0 = times(scale, s7_0)
        s8_0 = times(scale, s8_0)
        s9_0 = times(scale, s9_0)
        s10_0 = times(scale, s10_0)
        s11_0 = times(scale, s11_0)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load_part(d, d0 + 0 * d_row + 0 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load_part(d, d0 + 1 * d_row + 0 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load_part(d, d0 + 2 * d_row + 0 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load_part(d, d0 + 3 * d_row + 0 * W, last)))
        s4_0 = fma(scale, s4_0, times(keep, load_part(d, d0 + 4 * d_row + 0 * W, last)))
        s5_0 = fma(scale, s5_0, times(keep, load_part(d, d0 + 5 * d_row + 0 * W, last)))
        s6_0 = fma(scale, s6_0, times(keep, load_part(d, d0 + 6 * d_row + 0 * W, last)))
        s7_0 = fma(scale, s7_0, times(keep, load_part(d, d0 + 7 * d_row + 0 * W, last)))
        s8_0 = fma(scale, s8_0, times(keep, load_part(d, d0 + 8 * d_row + 0 * W, last)))
        s9_0 = fma(scale, s9_0, times(keep, load_part(d, d0 + 9 * d_row + 0 * W, last)))
        s10_0 = fma(scale, s10_0, times(keep, load_part(d, d0 + 10 * d_row + 0 * W, last)))
        s11_0 = fma(scale, s11_0, times(keep, load_part(d, d0 + 11 * d_row + 0 * W, last)))
    store_part(out, out0 + 0 * out_row + 0 * W, s0_0, last)
    store_part(out, out0 + 1 * out_row + 0 * W, s1_0, last)
    store_part(out, out0 + 2 * out_row + 0 * W, s2_0, last)
    store_part(out, out0 + 3 * out_row + 0 * W, s3_0, last)
    store_part(out, out0 + 4 * out_row + 0 * W, s4_0, last)
    store_part(out, out0 + 5 * out_row + 0 * W, s5_0, last)
    store_part(out, out0 + 6 * out_row + 0 * W, s6_0, last)
    store_part(out, out0 + 7 * out_row + 0 * W, s7_0, last)
    store_part(out, out0 + 8 * out_row + 0 * W, s8_0, last)
    store_part(out, out0 + 9 * out_row + 0 * W, s9_0, last)
    store_part(out, out0 + 10 * out_row + 0 * W, s10_0, last)
    store_part(out, out0 + 11 * out_row + 0 * W, s11_0, last)


@inner_inline_jit
def tile_12x2(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """12 x 2 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s1_0 = zero
    s1_1 = zero
    s2_0 = zero
    s2_1 = zero
    s3_0 = zero
    s3_1 = zero
    s4_0 = zero
    s4_1 = zero
    s5_0 = zero
    s5_1 = zero
    s6_0 = zero
    s6_1 = zero
    s7_0 = zero
    s7_1 = zero
    s8_0 = zero
    s8_1 = zero
    s9_0 = zero
    s9_1 = zero
    s10_0 = zero
    s10_1 = zero
    s11_0 = zero
    s11_1 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(12):
            for v in range(2):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load(b, b0 + k * b_k + 0 * W)
        y1 = load_part(b, b0 + k * b_k + 1 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        s0_1 = fma(x, y1, s0_1)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        s1_1 = fma(x, y1, s1_1)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        s2_1 = fma(x, y1, s2_1)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        s3_1 = fma(x, y1, s3_1)
        x = splat(item(a, a0 + 4 * a_row + k * a_k))
        s4_0 = fma(x, y0, s4_0)
        s4_1 = fma(x, y1, s4_1)
        x = splat(item(a, a0 + 5 * a_row + k * a_k))
        s5_0 = fma(x, y0, s5_0)
        s5_1 = fma(x, y1, s5_1)
        x = splat(item(a, a0 + 6 * a_row + k * a_k))
        s6_0 = fma(x, y0, s6_0)
        s6_1 = fma(x, y1, s6_1)
        x = splat(item(a, a0 + 7 * a_row + k * a_k))
        s7_0 = fma(x, y0, s7_0)
        s7_1 = fma(x, y1, s7_1)
        x = splat(item(a, a0 + 8 * a_row + k * a_k))
        s8_0 = fma(x, y0, s8_0)
        s8_1 = fma(x, y1, s8_1)
        x = splat(item(a, a0 + 9 * a_row + k * a_k))
        s9_0 = fma(x, y0, s9_0)
        s9_1 = fma(x, y1, s9_1)
        x = splat(item(a, a0 + 10 * a_row + k * a_k))
        s10_0 = fma(x, y0, s10_0)
        s10_1 = fma(x, y1, s10_1)
        x = splat(item(a, a0 + 11 * a_row + k * a_k))
        s11_0 = fma(x, y0, s11_0)
        s11_1 = fma(x, y1, s11_1)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s0_1 = times(scale, s0_1)
        s1_0 = times(scale, s1_0)
        s1_1 = times(scale, s1_1)
        s2_0 = times(scale, s2_0)
        s2_1 = times(scale, s2_1)
        s3_0 = times(scale, s3_0)
        s3_1 = times(scale, s3_1)
        s4_0 = times(scale, s4_0)
        s4_1 = times(scale, s4_1)
        s5_0 = times(scale, s5_0)
        s5_1 = times(scale, s5_1)
        s6_0 = times(scale, s6_0)
        s6_1 = times(scale, s6_1)
        s7_0 = times(scale, s7_0)
        s7_1 = times(scale, s7_1)
        s8_0 = times(scale, s8_0)
        s8_1 = times(scale, s8_1)
        s9_0 = times(scale, s9_0)
        s9_1 = times(scale, s9_1)
        s10_0 = times(scale, s10_0)
        s10_1 = times(scale, s10_1)
        s11_0 = times(scale, s11_0)
        s11_1 = times(scale, s11_1)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load(d, d0 + 0 * d_row + 0 * W)))
        s0_1 = fma(scale, s0_1, times(keep, load_part(d, d0 + 0 * d_row + 1 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load(d, d0 + 1 * d_row + 0 * W)))
        s1_1 = fma(scale, s1_1, times(keep, load_part(d, d0 + 1 * d_row + 1 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load(d, d0 + 2 * d_row + 0 * W)))
        s2_1 = fma(scale, s2_1, times(keep, load_part(d, d0 + 2 * d_row + 1 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load(d, d0 + 3 * d_row + 0 * W)))
        s3_1 = fma(scale, s3_1, times(keep, load_part(d, d0 + 3 * d_row + 1 * W, last)))
        s4_0 = fma(scale, s4_0, times(keep, load(d, d0 + 4 * d_row + 0 * W)))
        s4_1 = fma(scale, s4_1, times(keep, load_part(d, d0 + 4 * d_row + 1 * W, last)))
        s5_0 = fma(scale, s5_0, times(keep, load(d, d0 + 5 * d_row + 0 * W)))
        s5_1 = fma(scale, s5_1, times(keep, load_part(d, d0 + 5 * d_row + 1 * W, last)))
        s6_0 = fma(scale, s6_0, times(keep, load(d, d0 + 6 * d_row + 0 * W)))
        s6_1 = fma(scale, s6_1, times(keep, load_part(d, d0 + 6 * d_row + 1 * W, last)))
        s7_0 = fma(scale, s7_0, times(keep, load(d, d0 + 7 * d_row + 0 * W)))
        s7_1 = fma(scale, s7_1, times(keep, load_part(d, d0 + 7 * d_row + 1 * W, last)))
        s8_0 = fma(scale, s8_0, times(keep, load(d, d0 + 8 * d_row + 0 * W)))
        s8_1 = fma(scale, s8_1, times(keep, load_part(d, d0 + 8 * d_row + 1 * W, last)))
        s9_0 = fma(scale, s9_0, times(keep, load(d, d0 + 9 * d_row + 0 * W)))
        s9_1 = fma(scale, s9_1, times(keep, load_part(d, d0 + 9 * d_row + 1 * W, last)))
        s10_0 = fma(scale, s10_0, times(keep, load(d, d0 + 10 * d_row + 0 * W)))
        s10_1 = fma(scale, s10_1, times(keep, load_part(d, d0 + 10 * d_row + 1 * W, last)))
        s11_0 = fma(scale, s11_0, times(keep, load(d, d0 + 11 * d_row + 0 * W)))
        s11_1 = fma(scale, s11_1, times(keep, load_part(d, d0 + 11 * d_row + 1 * W, last)))
    store(out, out0 + 0 * out_row + 0 * W, s0_0)
    store_part(out, out0 + 0 * out_row + 1 * W, s0_1, last)
    store(out, out0 + 1 * out_row + 0 * W, s1_0)
    store_part(out, out0 + 1 * out_row + 1 * W, s1_1, last)
    store(out, out0 + 2 * out_row + 0 * W, s2_0)
    store_part(out, out0 + 2 * out_row + 1 * W, s2_1, last)
    store(out, out0 + 3 * out_row + 0 * W, s3_0)
    store_part(out, out0 + 3 * out_row + 1 * W, s3_1, last)
    store(out, out0 + 4 * out_row + 0 * W, s4_0)
    store_part(out, out0 + 4 * out_row + 1 * W, s4_1, last)
    store(out, out0 + 5 * out_row + 0 * W, s5_0)
    store_part(out, out0 + 5 * out_row + 1 * W, s5_1, last)
    store(out, out0 + 6 * out_row + 0 * W, s6_0)
    store_part(out, out0 + 6 * out_row + 1 * W, s6_1, last)
    store(out, out0 + 7 * out_row + 0 * W, s7_0)
    store_part(out, out0 + 7 * out_row + 1 * W, s7_1, last)
    store(out, out0 + 8 * out_row + 0 * W, s8_0)
    store_part(out, out0 + 8 * out_row + 1 * W, s8_1, last)
    store(out, out0 + 9 * out_row + 0 * W, s9_0)
    store_part(out, out0 + 9 * out_row + 1 * W, s9_1, last)
    store(out, out0 + 10 * out_row + 0 * W, s10_0)
    store_part(out, out0 + 10 * out_row + 1 * W, s10_1, last)
    store(out, out0 + 11 * out_row + 0 * W, s11_0)
    store_part(out, out0 + 11 * out_row + 1 * W, s11_1, last)


@inner_inline_jit
def tile_16x1(
    a, a0, a_row, a_k, b, b0, b_k, K, alpha, beta, d, d0, d_row, out, out0, out_row, last
):
    """16 x 1 W sums: out = alpha * a b + beta * d; `last` lanes of the last vector."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s1_0 = zero
    s2_0 = zero
    s3_0 = zero
    s4_0 = zero
    s5_0 = zero
    s6_0 = zero
    s7_0 = zero
    s8_0 = zero
    s9_0 = zero
    s10_0 = zero
    s11_0 = zero
    s12_0 = zero
    s13_0 = zero
    s14_0 = zero
    s15_0 = zero
    if K > 64:  # by the time that the sums are there, so is what they are added to
        for r in range(16):
            for v in range(1):
                prefetch_first(out, out0 + r * out_row + v * W)
    for k in range(K):
        y0 = load_part(b, b0 + k * b_k + 0 * W, last)
        x = splat(item(a, a0 + 0 * a_row + k * a_k))
        s0_0 = fma(x, y0, s0_0)
        x = splat(item(a, a0 + 1 * a_row + k * a_k))
        s1_0 = fma(x, y0, s1_0)
        x = splat(item(a, a0 + 2 * a_row + k * a_k))
        s2_0 = fma(x, y0, s2_0)
        x = splat(item(a, a0 + 3 * a_row + k * a_k))
        s3_0 = fma(x, y0, s3_0)
        x = splat(item(a, a0 + 4 * a_row + k * a_k))
        s4_0 = fma(x, y0, s4_0)
        x = splat(item(a, a0 + 5 * a_row + k * a_k))
        s5_0 = fma(x, y0, s5_0)
        x = splat(item(a, a0 + 6 * a_row + k * a_k))
        s6_0 = fma(x, y0, s6_0)
        x = splat(item(a, a0 + 7 * a_row + k * a_k))
        s7_0 = fma(x, y0, s7_0)
        x = splat(item(a, a0 + 8 * a_row + k * a_k))
        s8_0 = fma(x, y0, s8_0)
        x = splat(item(a, a0 + 9 * a_row + k * a_k))
        s9_0 = fma(x, y0, s9_0)
        x = splat(item(a, a0 + 10 * a_row + k * a_k))
        s10_0 = fma(x, y0, s10_0)
        x = splat(item(a, a0 + 11 * a_row + k * a_k))
        s11_0 = fma(x, y0, s11_0)
        x = splat(item(a, a0 + 12 * a_row + k * a_k))
        s12_0 = fma(x, y0, s12_0)
        x = splat(item(a, a0 + 13 * a_row + k * a_k))
        s13_0 = fma(x, y0, s13_0)
        x = splat(item(a, a0 + 14 * a_row + k * a_k))
        s14_0 = fma(x, y0, s14_0)
        x = splat(item(a, a0 + 15 * a_row + k * a_k))
        s15_0 = fma(x, y0, s15_0)
    scale = splat(alpha)
    keep = splat(beta)
    if beta == 0:
        s0_0 = times(scale, s0_0)
        s1_0 = times(scale, s1_0)
        s2_0 = times(scale, s2_0)
        s3_0 = times(scale, s3_0)
        s4_0 = times(scale, s4_0)
        s5_0 = times(scale, s5_0)
        s6_0 = times(scale, s6_0)
        s7_0 = times(scale, s7_0)
        s8_0 = times(scale, s8_0)
        s9_0 = times(scale, s9_0)
        s10_0 = times(scale, s10_0)
        s11_0 = times(scale, s11_0)
        s12_0 = times(scale, s12_0)
        s13_0 = times(scale, s13_0)
        s14_0 = times(scale, s14_0)
        s15_0 = times(scale, s15_0)
    else:
        s0_0 = fma(scale, s0_0, times(keep, load_part(d, d0 + 0 * d_row + 0 * W, last)))
        s1_0 = fma(scale, s1_0, times(keep, load_part(d, d0 + 1 * d_row + 0 * W, last)))
        s2_0 = fma(scale, s2_0, times(keep, load_part(d, d0 + 2 * d_row + 0 * W, last)))
        s3_0 = fma(scale, s3_0, times(keep, load_part(d, d0 + 3 * d_row + 0 * W, last)))
        s4_0 = fma(scale, s4_0, times(keep, load_part(d, d0 + 4 * d_row + 0 * W, last)))
        s5_0 = fma(scale, s5_0, times(keep, load_part(d, d0 + 5 * d_row + 0 * W, last)))
        s6_0 = fma(scale, s6_0, times(keep, load_part(d, d0 + 6 * d_row + 0 * W, last)))
        s7_0 = fma(scale, s7_0, times(keep, load_part(d, d0 + 7 * d_row + 0 * W, last)))
        s8_0 = fma(scale, s8_0, times(keep, load_part(d, d0 + 8 * d_row + 0 * W, last)))
        s9_0 = fma(scale, s9_0, times(keep, load_part(d, d0 + 9 * d_row + 0 * W, last)))
        s10_0 = fma(scale, s10_0, times(keep, load_part(d, d0 + 10 * d_row + 0 * W, last)))
        s11_0 = fma(scale, s11_0, times(keep, load_part(d, d0 + 11 * d_row + 0 * W, last)))
        s12_0 = fma(scale, s12_0, times(keep, load_part(d, d0 + 12 * d_row + 0 * W, last)))
        s13_0 = fma(scale, s13_0, times(keep, load_part(d, d0 + 13 * d_row + 0 * W, last)))
        s14_0 = fma(scale, s14_0, times(keep, load_part(d, d0 + 14 * d_row + 0 * W, last)))
        s15_0 = fma(scale, s15_0, times(keep, load_part(d, d0 + 15 * d_row + 0 * W, last)))
    store_part(out, out0 + 0 * out_row + 0 * W, s0_0, last)
    store_part(out, out0 + 1 * out_row + 0 * W, s1_0, last)
    store_part(out, out0 + 2 * out_row + 0 * W, s2_0, last)
    store_part(out, out0 + 3 * out_row + 0 * W, s3_0, last)
    store_part(out, out0 + 4 * out_row + 0 * W, s4_0, last)
    store_part(out, out0 + 5 * out_row + 0 * W, s5_0, last)
    store_part(out, out0 + 6 * out_row + 0 * W, s6_0, last)
    store_part(out, out0 + 7 * out_row + 0 * W, s7_0, last)
    store_part(out, out0 + 8 * out_row + 0 * W, s8_0, last)
    store_part(out, out0 + 9 * out_row + 0 * W, s9_0, last)
    store_part(out, out0 + 10 * out_row + 0 * W, s10_0, last)
    store_part(out, out0 + 11 * out_row + 0 * W, s11_0, last)
    store_part(out, out0 + 12 * out_row + 0 * W, s12_0, last)
    store_part(out, out0 + 13 * out_row + 0 * W, s13_0, last)
    store_part(out, out0 + 14 * out_row + 0 * W, s14_0, last)
    store_part(out, out0 + 15 * out_row + 0 * W, s15_0, last)


@jit
def sums_tall(
    a, a0, a_row, a_k, b, b0, b_k, b_panel, M, N, K, alpha, beta, d, d0, d_row, out, out0,
    out_row, next_b, next_at, next_row, next_count,
):
    """out (M, N) = alpha * a b + beta * d, panels of 4 W columns, in tiles.

    Element (r, k) of a is a[a0 + r a_row + k a_k]; element (k, c) of b, c in the panel that
    begins at column p, is b[b0 + p b_panel + k b_k + c - p].  After each tile `next_count`
    rows of a panel of next_b, `next_row` apart, are asked for: what the next call reads.
    """
    W = width(a.itemsize)
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
                    if n >= 6 and n != 8 and n != 9:
                        tile_6x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 6
                    elif n >= 4:
                        tile_4x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 4
                    else:
                        tile_1x4(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
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
                            out, out_at, out_row, last,
                        )
                        i += 12
                    elif n >= 6 and n != 8 and n != 9:
                        tile_6x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 6
                    elif n >= 4:
                        tile_4x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 4
                    else:
                        tile_1x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
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
                            out, out_at, out_row, last,
                        )
                        i += 16
                    elif n >= 8:
                        tile_8x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 8
                    elif n >= 4:
                        tile_4x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 4
                    else:
                        tile_1x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(4):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 1 * W


@jit
def sums_short(
    a, a0, a_row, a_k, b, b0, b_k, b_panel, M, N, K, alpha, beta, d, d0, d_row, out, out0,
    out_row, next_b, next_at, next_row, next_count,
):
    """out (M, N) = alpha * a b + beta * d, panels of 2 W columns, in tiles.

    Element (r, k) of a is a[a0 + r a_row + k a_k]; element (k, c) of b, c in the panel that
    begins at column p, is b[b0 + p b_panel + k b_k + c - p].  After each tile `next_count`
    rows of a panel of next_b, `next_row` apart, are asked for: what the next call reads.
    """
    W = width(a.itemsize)
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
                    if n >= 6 and n != 8 and n != 9:
                        tile_6x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 6
                    elif n >= 4:
                        tile_4x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 4
                    else:
                        tile_1x2(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
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
                            out, out_at, out_row, last,
                        )
                        i += 12
                    elif n >= 4:
                        tile_4x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 4
                    else:
                        tile_1x1(
                            a, a_at, a_row, a_k, b, b_at, b_k, K, alpha, beta, d, d_at, d_row,
                            out, out_at, out_row, last,
                        )
                        i += 1
                    for _ in range(next_count):
                        for v in range(2):
                            prefetch(next_b, next_at + v * W)
                        next_at += next_row
                j += 1 * W


@jit
def dot_5x5(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """5 x 5 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    s0_3 = zero
    s0_4 = zero
    s1_0 = zero
    s1_1 = zero
    s1_2 = zero
    s1_3 = zero
    s1_4 = zero
    s2_0 = zero
    s2_1 = zero
    s2_2 = zero
    s2_3 = zero
    s2_4 = zero
    s3_0 = zero
    s3_1 = zero
    s3_2 = zero
    s3_3 = zero
    s3_4 = zero
    s4_0 = zero
    s4_1 = zero
    s4_2 = zero
    s4_3 = zero
    s4_4 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        x1 = load(a, a0 + 1 * a_row + k)
        x2 = load(a, a0 + 2 * a_row + k)
        x3 = load(a, a0 + 3 * a_row + k)
        x4 = load(a, a0 + 4 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
        y = load(w, w0 + 1 * w_row + k)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        s3_1 = fma(x3, y, s3_1)
        s4_1 = fma(x4, y, s4_1)
        y = load(w, w0 + 2 * w_row + k)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
        s3_2 = fma(x3, y, s3_2)
        s4_2 = fma(x4, y, s4_2)
        y = load(w, w0 + 3 * w_row + k)
        s0_3 = fma(x0, y, s0_3)
        s1_3 = fma(x1, y, s1_3)
        s2_3 = fma(x2, y, s2_3)
        s3_3 = fma(x3, y, s3_3)
        s4_3 = fma(x4, y, s4_3)
        y = load(w, w0 + 4 * w_row + k)
        s0_4 = fma(x0, y, s0_4)
        s1_4 = fma(x1, y, s1_4)
        s2_4 = fma(x2, y, s2_4)
        s3_4 = fma(x3, y, s3_4)
        s4_4 = fma(x4, y, s4_4)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        x1 = load_part(a, a0 + 1 * a_row + k, K - full)
        x2 = load_part(a, a0 + 2 * a_row + k, K - full)
        x3 = load_part(a, a0 + 3 * a_row + k, K - full)
        x4 = load_part(a, a0 + 4 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
        y = load_part(w, w0 + 1 * w_row + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        s3_1 = fma(x3, y, s3_1)
        s4_1 = fma(x4, y, s4_1)
        y = load_part(w, w0 + 2 * w_row + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
        s3_2 = fma(x3, y, s3_2)
        s4_2 = fma(x4, y, s4_2)
        y = load_part(w, w0 + 3 * w_row + k, K - full)
        s0_3 = fma(x0, y, s0_3)
        s1_3 = fma(x1, y, s1_3)
        s2_3 = fma(x2, y, s2_3)
        s3_3 = fma(x3, y, s3_3)
        s4_3 = fma(x4, y, s4_3)
        y = load_part(w, w0 + 4 * w_row + k, K - full)
        s0_4 = fma(x0, y, s0_4)
        s1_4 = fma(x1, y, s1_4)
        s2_4 = fma(x2, y, s2_4)
        s3_4 = fma(x3, y, s3_4)
        s4_4 = fma(x4, y, s4_4)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)
    out[out0 + 0 * out_row + 1] = item(b, i + 1) + total(s0_1)
    out[out0 + 0 * out_row + 2] = item(b, i + 2) + total(s0_2)
    out[out0 + 0 * out_row + 3] = item(b, i + 3) + total(s0_3)
    out[out0 + 0 * out_row + 4] = item(b, i + 4) + total(s0_4)
    out[out0 + 1 * out_row + 0] = item(b, i + 0) + total(s1_0)
    out[out0 + 1 * out_row + 1] = item(b, i + 1) + total(s1_1)
    out[out0 + 1 * out_row + 2] = item(b, i + 2) + total(s1_2)
    out[out0 + 1 * out_row + 3] = item(b, i + 3) + total(s1_3)
    out[out0 + 1 * out_row + 4] = item(b, i + 4) + total(s1_4)
    out[out0 + 2 * out_row + 0] = item(b, i + 0) + total(s2_0)
    out[out0 + 2 * out_row + 1] = item(b, i + 1) + total(s2_1)
    out[out0 + 2 * out_row + 2] = item(b, i + 2) + total(s2_2)
    out[out0 + 2 * out_row + 3] = item(b, i + 3) + total(s2_3)
    out[out0 + 2 * out_row + 4] = item(b, i + 4) + total(s2_4)
    out[out0 + 3 * out_row + 0] = item(b, i + 0) + total(s3_0)
    out[out0 + 3 * out_row + 1] = item(b, i + 1) + total(s3_1)
    out[out0 + 3 * out_row + 2] = item(b, i + 2) + total(s3_2)
    out[out0 + 3 * out_row + 3] = item(b, i + 3) + total(s3_3)
    out[out0 + 3 * out_row + 4] = item(b, i + 4) + total(s3_4)
    out[out0 + 4 * out_row + 0] = item(b, i + 0) + total(s4_0)
    out[out0 + 4 * out_row + 1] = item(b, i + 1) + total(s4_1)
    out[out0 + 4 * out_row + 2] = item(b, i + 2) + total(s4_2)
    out[out0 + 4 * out_row + 3] = item(b, i + 3) + total(s4_3)
    out[out0 + 4 * out_row + 4] = item(b, i + 4) + total(s4_4)


@jit
def dot_5x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """5 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s1_0 = zero
    s2_0 = zero
    s3_0 = zero
    s4_0 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        x1 = load(a, a0 + 1 * a_row + k)
        x2 = load(a, a0 + 2 * a_row + k)
        x3 = load(a, a0 + 3 * a_row + k)
        x4 = load(a, a0 + 4 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        x1 = load_part(a, a0 + 1 * a_row + k, K - full)
        x2 = load_part(a, a0 + 2 * a_row + k, K - full)
        x3 = load_part(a, a0 + 3 * a_row + k, K - full)
        x4 = load_part(a, a0 + 4 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        s3_0 = fma(x3, y, s3_0)
        s4_0 = fma(x4, y, s4_0)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)
    out[out0 + 1 * out_row + 0] = item(b, i + 0) + total(s1_0)
    out[out0 + 2 * out_row + 0] = item(b, i + 0) + total(s2_0)
    out[out0 + 3 * out_row + 0] = item(b, i + 0) + total(s3_0)
    out[out0 + 4 * out_row + 0] = item(b, i + 0) + total(s4_0)


@jit
def dot_1x5(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """1 x 5 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    s0_3 = zero
    s0_4 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
        y = load(w, w0 + 1 * w_row + k)
        s0_1 = fma(x0, y, s0_1)
        y = load(w, w0 + 2 * w_row + k)
        s0_2 = fma(x0, y, s0_2)
        y = load(w, w0 + 3 * w_row + k)
        s0_3 = fma(x0, y, s0_3)
        y = load(w, w0 + 4 * w_row + k)
        s0_4 = fma(x0, y, s0_4)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        y = load_part(w, w0 + 1 * w_row + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        y = load_part(w, w0 + 2 * w_row + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        y = load_part(w, w0 + 3 * w_row + k, K - full)
        s0_3 = fma(x0, y, s0_3)
        y = load_part(w, w0 + 4 * w_row + k, K - full)
        s0_4 = fma(x0, y, s0_4)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)
    out[out0 + 0 * out_row + 1] = item(b, i + 1) + total(s0_1)
    out[out0 + 0 * out_row + 2] = item(b, i + 2) + total(s0_2)
    out[out0 + 0 * out_row + 3] = item(b, i + 3) + total(s0_3)
    out[out0 + 0 * out_row + 4] = item(b, i + 4) + total(s0_4)


@jit
def dot_3x3(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """3 x 3 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    s1_0 = zero
    s1_1 = zero
    s1_2 = zero
    s2_0 = zero
    s2_1 = zero
    s2_2 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        x1 = load(a, a0 + 1 * a_row + k)
        x2 = load(a, a0 + 2 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        y = load(w, w0 + 1 * w_row + k)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        y = load(w, w0 + 2 * w_row + k)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        x1 = load_part(a, a0 + 1 * a_row + k, K - full)
        x2 = load_part(a, a0 + 2 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
        y = load_part(w, w0 + 1 * w_row + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        s1_1 = fma(x1, y, s1_1)
        s2_1 = fma(x2, y, s2_1)
        y = load_part(w, w0 + 2 * w_row + k, K - full)
        s0_2 = fma(x0, y, s0_2)
        s1_2 = fma(x1, y, s1_2)
        s2_2 = fma(x2, y, s2_2)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)
    out[out0 + 0 * out_row + 1] = item(b, i + 1) + total(s0_1)
    out[out0 + 0 * out_row + 2] = item(b, i + 2) + total(s0_2)
    out[out0 + 1 * out_row + 0] = item(b, i + 0) + total(s1_0)
    out[out0 + 1 * out_row + 1] = item(b, i + 1) + total(s1_1)
    out[out0 + 1 * out_row + 2] = item(b, i + 2) + total(s1_2)
    out[out0 + 2 * out_row + 0] = item(b, i + 0) + total(s2_0)
    out[out0 + 2 * out_row + 1] = item(b, i + 1) + total(s2_1)
    out[out0 + 2 * out_row + 2] = item(b, i + 2) + total(s2_2)


@jit
def dot_3x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """3 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s1_0 = zero
    s2_0 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        x1 = load(a, a0 + 1 * a_row + k)
        x2 = load(a, a0 + 2 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        x1 = load_part(a, a0 + 1 * a_row + k, K - full)
        x2 = load_part(a, a0 + 2 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        s1_0 = fma(x1, y, s1_0)
        s2_0 = fma(x2, y, s2_0)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)
    out[out0 + 1 * out_row + 0] = item(b, i + 0) + total(s1_0)
    out[out0 + 2 * out_row + 0] = item(b, i + 0) + total(s2_0)


@jit
def dot_1x3(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """1 x 3 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    s0_1 = zero
    s0_2 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
        y = load(w, w0 + 1 * w_row + k)
        s0_1 = fma(x0, y, s0_1)
        y = load(w, w0 + 2 * w_row + k)
        s0_2 = fma(x0, y, s0_2)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
        y = load_part(w, w0 + 1 * w_row + k, K - full)
        s0_1 = fma(x0, y, s0_1)
        y = load_part(w, w0 + 2 * w_row + k, K - full)
        s0_2 = fma(x0, y, s0_2)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)
    out[out0 + 0 * out_row + 1] = item(b, i + 1) + total(s0_1)
    out[out0 + 0 * out_row + 2] = item(b, i + 2) + total(s0_2)


@jit
def dot_1x1(a, a0, a_row, w, w0, w_row, K, b, i, out, out0, out_row):
    """1 x 1 dot products along k, W of k at a time: out = b_i + sum_k a_k w_ik."""
    W = width(a.itemsize)
    zero = splat(a.dtype.type(0))
    s0_0 = zero
    full = K // W * W
    for k in range(0, full, W):
        x0 = load(a, a0 + 0 * a_row + k)
        y = load(w, w0 + 0 * w_row + k)
        s0_0 = fma(x0, y, s0_0)
    if full < K:
        k = full
        x0 = load_part(a, a0 + 0 * a_row + k, K - full)
        y = load_part(w, w0 + 0 * w_row + k, K - full)
        s0_0 = fma(x0, y, s0_0)
    out[out0 + 0 * out_row + 0] = item(b, i + 0) + total(s0_0)


@jit
def dots_tall(a, a0, a_row, w, w0, w_row, M, N, K, b, out, out0, out_row):
    """out (M, N): out_ri = b_i + sum_k a_rk w_ik, both contiguous in k, in tiles."""
    i = 0
    while i < N:
        r = 0
        wide = i + 5 <= N
        while r < M:
            a_at, w_at, out_at = a0 + r * a_row, w0 + i * w_row, out0 + r * out_row + i
            high = r + 5 <= M
            if high and wide:
                dot_5x5(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            elif high:
                dot_5x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            elif wide:
                dot_1x5(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            else:
                dot_1x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            r += 5 if high else 1
        i += 5 if wide else 1


@jit
def dots_short(a, a0, a_row, w, w0, w_row, M, N, K, b, out, out0, out_row):
    """out (M, N): out_ri = b_i + sum_k a_rk w_ik, both contiguous in k, in tiles."""
    i = 0
    while i < N:
        r = 0
        wide = i + 3 <= N
        while r < M:
            a_at, w_at, out_at = a0 + r * a_row, w0 + i * w_row, out0 + r * out_row + i
            high = r + 3 <= M
            if high and wide:
                dot_3x3(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            elif high:
                dot_3x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            elif wide:
                dot_1x3(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            else:
                dot_1x1(a, a_at, a_row, w, w_at, w_row, K, b, i, out, out_at, out_row)
            r += 3 if high else 1
        i += 3 if wide else 1


@jit
def transpose_2(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for up to 2 rows and columns."""
    x0 = load_part(w, w0 + 0 * w_row, columns) if rows > 0 else splat(w.dtype.type(0))
    x1 = load_part(w, w0 + 1 * w_row, columns) if rows > 1 else splat(w.dtype.type(0))
    x0, x1 = zip_low(x0, x1), zip_high(x0, x1)
    if columns > 0:
        store_part(out, out0 + 0 * out_row, x0, rows)
    if columns > 1:
        store_part(out, out0 + 1 * out_row, x1, rows)


@jit
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


@jit
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


@jit
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
