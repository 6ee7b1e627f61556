"""``loopbp cache``: where compiled code is kept, how much of it there is, and away with it."""

import argparse

from loopbp.cli.info import print_facts
from loopbp.cli.output import print_json
from loopbp.jit import files as cache
from loopbp.terminal.computer import cache_facts


def run(args: argparse.Namespace) -> int:
    """Show or clear."""
    if not args.clear:
        facts = cache_facts()
        if args.json:
            print_json(facts)
        else:
            print_facts(facts)
        return 0
    folder = str(cache.root())
    files, size = cache.clear()
    left = cache.size()[0]
    if args.json:
        facts = {"cache_folder": folder, "removed_files": files, "removed_bytes": size}
        print_json({**facts, "files_left": left})
    else:
        print(f"removed {files} files, {size / 1e6:.1f} MB, from {folder}")
    if left:
        raise OSError(f"{left} files could not be removed from {folder}")
    return 0
