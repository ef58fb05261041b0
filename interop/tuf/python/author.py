"""Makes a repository with python-tuf: author.py DIRECTORY. Files lie as a web server would have them."""

import sys
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)

EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=30)


def main() -> None:
    base = Path(sys.argv[1])
    (base / "metadata").mkdir(parents=True)
    root_signers = [CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ed25519()]
    targets_signer, online = CryptoSigner.generate_rsa(), CryptoSigner.generate_ed25519()

    root = Metadata(Root(expires=EXPIRES, consistent_snapshot=True))
    for signer in root_signers:
        root.signed.add_key(signer.public_key, "root")
    root.signed.roles["root"].threshold = 2
    root.signed.add_key(targets_signer.public_key, "targets")
    for role in ("snapshot", "timestamp"):
        root.signed.add_key(online.public_key, role)

    files = {"app.tgz": b"the app", "plugins/a.zip": b"a plugin", "b/deep.bin": b"in a bin"}
    targets = Metadata(Targets(expires=EXPIRES))
    add(base, targets, "app.tgz", files)
    plugins, bins = Metadata(Targets(expires=EXPIRES)), Metadata(Targets(expires=EXPIRES))
    add(base, plugins, "plugins/a.zip", files)
    key = online.public_key
    rows = {
        "plugins": DelegatedRole("plugins", [key.keyid], 1, False, paths=["plugins/*"]),
        "bins": DelegatedRole("bins", [key.keyid], 1, True, paths=["b/*"]),
    }
    targets.signed.delegations = Delegations({key.keyid: key}, rows)
    succinct = SuccinctRoles([key.keyid], 1, 2, "bin")
    bins.signed.delegations = Delegations({key.keyid: key}, succinct_roles=succinct)

    meta = {"targets": (targets, targets_signer), "plugins": (plugins, online), "bins": (bins, online)}
    for name in succinct.get_roles():
        each = Metadata(Targets(expires=EXPIRES))
        if name == succinct.get_role_for_target("b/deep.bin"):
            add(base, each, "b/deep.bin", files)
        meta[name] = (each, online)

    snapshot = Metadata(Snapshot(expires=EXPIRES))
    for name, (each, signer) in meta.items():
        each.sign(signer)
        each.to_file(str(base / "metadata" / f"1.{name}.json"))
        snapshot.signed.meta[f"{name}.json"] = MetaFile(1)
    snapshot.sign(online)
    snapshot.to_file(str(base / "metadata" / "1.snapshot.json"))
    timestamp = Metadata(Timestamp(expires=EXPIRES))
    timestamp.sign(online)
    timestamp.to_file(str(base / "metadata" / "timestamp.json"))
    for signer in root_signers:
        root.sign(signer, append=True)
    root.to_file(str(base / "metadata" / "1.root.json"))


def add(base: Path, role: Metadata, name: str, files: dict) -> None:
    data = files[name]
    role.signed.targets[name] = TargetFile.from_data(name, data, ["sha256"])
    path = base / "targets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / f"{sha256(data).hexdigest()}.{path.name}").write_bytes(data)


main()
