"""One cold run of python-tuf: python_side.py URL FOLDER NAME... ; prints what it took as JSON."""

import json
import sys
import tempfile
import time
from pathlib import Path

from tuf.ngclient import Updater
from tuf.ngclient.config import UpdaterConfig

url, folder, *names = sys.argv[1:]
root = Path(folder, "metadata", "1.root.json").read_bytes()
with tempfile.TemporaryDirectory() as store:
    started = time.perf_counter()
    config = UpdaterConfig(snapshot_max_length=50_000_000, targets_max_length=50_000_000)
    updater = Updater(
        metadata_dir=store, metadata_base_url=f"{url}/metadata/", config=config, bootstrap=root
    )
    updater.refresh()
    found = sum(updater.get_targetinfo(name) is not None for name in names)
    ms = (time.perf_counter() - started) * 1000
    assert found == len(names), found
    print(json.dumps({"ms": ms, "peakBytes": 0}))
