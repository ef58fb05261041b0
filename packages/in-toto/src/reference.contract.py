"""Answers for the reference: reads a line {"dir": ..., "keys": {...}, "substitutions": ...}, writes {"ok": ..., "error": ...}.

One process for many questions; `dir` holds root.layout, the links, and the final product in product/.
"""
import json
import logging
import os
import sys

logging.disable(logging.CRITICAL)
try:
    # 2.x, which knows DSSE.
    from in_toto.models.metadata import Metadata
except ImportError:
    from in_toto.models.metadata import Metablock as Metadata
from in_toto.verifylib import in_toto_verify

for line in sys.stdin:
    question = json.loads(line)
    try:
        os.chdir(os.path.join(question["dir"], "product"))
        layout = Metadata.load(os.path.join(question["dir"], "root.layout"))
        in_toto_verify(
            layout,
            question["keys"],
            link_dir_path=question["dir"],
            substitution_parameters=question.get("substitutions"),
            persist_inspection_links=False,
        )
        answer = {"ok": True, "error": ""}
    except Exception as error:
        answer = {"ok": False, "error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), flush=True)
