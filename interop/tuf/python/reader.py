"""Reads targets with python-tuf's client: reader.py ROOT METADATA_URL TARGETS_URL OUT TARGET... Prints one JSON object."""

import json
import sys
import tempfile
from pathlib import Path

from tuf.ngclient import Updater, UpdaterConfig


def main() -> None:
    root, metadata_url, targets_url, out, *names = sys.argv[1:]
    results = {}
    with tempfile.TemporaryDirectory() as cache:
        updater = Updater(
            metadata_dir=cache,
            metadata_base_url=metadata_url,
            target_base_url=targets_url,
            target_dir=out,
            bootstrap=Path(root).read_bytes(),
            config=UpdaterConfig(),
        )
        updater.refresh()
        for name in names:
            info = updater.get_targetinfo(name)
            if info is None:
                results[name] = None
                continue
            path = updater.download_target(info)
            results[name] = {"path": path, "length": info.length}
    print(json.dumps(results))


main()
