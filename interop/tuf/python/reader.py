"""Reads with python-tuf's client: reader.py ROOT METADATA_URL TARGETS_URL OUT TARGET... Prints the length of each target, or null."""

import json
import sys
from pathlib import Path

from tuf.ngclient import Updater


def main() -> None:
    root, metadata_url, targets_url, out, *names = sys.argv[1:]
    cache = Path(out) / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    updater = Updater(
        metadata_dir=str(cache),
        metadata_base_url=metadata_url,
        target_base_url=targets_url,
        target_dir=out,
        bootstrap=Path(root).read_bytes(),
    )
    updater.refresh()
    results = {}
    for name in names:
        info = updater.get_targetinfo(name)
        if info is not None:
            updater.download_target(info)
        results[name] = None if info is None else info.length
    print(json.dumps(results))


main()
