"""``loopbp info``: versions, processor, threads, cache: what a report of a fault needs."""

import argparse
import sys
from typing import Any

from loopbp.cli.output import print_json
from loopbp.terminal.computer import collect


def run(args: argparse.Namespace) -> int:
    """Collect and print."""
    facts = collect()
    if args.json:
        print_json(facts)
    else:
        print_facts(facts)
    if facts["threading_layer"] == "workqueue":
        print(
            "loopbp info: warning: Numba found no OpenMP or TBB; its workqueue starts a parallel "
            "loop a hundred times more slowly, and threads of Python take turns at them",
            file=sys.stderr,
        )
    return 0


def print_facts(facts: dict[str, Any]) -> None:
    """One line for each, and the number of bytes as people say it."""
    for name, value in facts.items():
        if name == "plain_mode" or (name == "cache_off" and value is None):
            continue
        if name == "numba":
            plain = facts["plain_mode"]
            mode = f'plain mode, engine="tiled" means loops: {plain}' if plain else "tested"
            print(f"{name:<17}{value} ({mode})")
            continue
        if name == "cache_bytes":
            print(f"{'cache size':<17}{value / 1e6:.1f} MB")
        else:
            print(f"{name.replace('_', ' '):<17}{_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(
            f"{extra}: " + ", ".join(f"{name} {has or 'not installed'}" for name, has in of.items())
            for extra, of in value.items()
        )
    if isinstance(value, list):
        return " ".join(value) or "none of note"
    return "none" if value is None else str(value)
