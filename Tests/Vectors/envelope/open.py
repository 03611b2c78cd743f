#!/usr/bin/env python3
"""Opens a vector by Format.md alone: tar, header, leaves, content key, chunks.

Shares no line with Selat. Needs the `openssl` command and the PyPI package `cryptography`; for suites
2 and 4 one with ML-KEM (from version 48 on).
usage: open.py VECTOR...   prints the digest of each plaintext, or the reason it stopped at.
"""
import base64, hashlib, hmac, io, json, subprocess, sys, tarfile, tempfile
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sha256 = lambda b: hashlib.sha256(b).digest()
name = lambda b: "sha256:" + sha256(b).hex()


def expand(key, info, count):
    out, block, i = b"", b"", 1
    while len(out) < count:
        block = hmac.new(key, block + info + bytes([i]), "sha512").digest()
        out, i = out + block, i + 1
    return out[:count]


def unseal(message, content_key, context):
    label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
    derived = expand(content_key, label + message[:24] + context, 76)
    assert hmac.compare_digest(derived[44:], message[24:56]), "commitment"
    aead, base, chunks = AESGCM(derived[:32]), int.from_bytes(derived[32:44], "big"), message[56:]
    assert len(chunks) % 16400 >= 16, "size"
    return b"".join(
        aead.decrypt((base ^ i).to_bytes(12, "big"), chunks[at : at + 16400], None)
        for i, at in enumerate(range(0, len(chunks), 16400)))


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:]))


def decapsulate(pem, ciphertext):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    return load_pem_private_key(pem, None).decapsulate(ciphertext)


def open_vector(path):
    head, body = open(path).read().split("\n\n", 1)
    field = dict(line.split(": ", 1) for line in head.splitlines())
    tar = tarfile.open(fileobj=io.BytesIO(base64.b64decode(body)))
    part = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
    with tempfile.TemporaryDirectory() as folder:
        def save(file, data):
            open(f"{folder}/{file}", "wb").write(data)
            return f"{folder}/{file}"
        def pem(key):
            return save(key, b"-----BEGIN CERTIFICATE-----\n" + field[key].encode()
                        + b"\n-----END CERTIFICATE-----\n")
        def openssl(*arguments):
            return subprocess.run(["openssl", "cms", "-inform", "DER", "-binary", *arguments],
                                  capture_output=True, check=True).stdout
        header = openssl("-verify", "-purpose", "any", "-no_check_time", "-CAfile", pem("root"),
                         "-certfile", pem("signer"), "-in", save("h", part["header.cms"]))
        z = openssl("-decrypt", "-in", save("k", part["keys.cms"]), "-recip", pem("agreement"),
                    "-inkey", save("key", base64.b64decode(field["key"])))
    signed = json.loads(header)
    signer = x509.load_der_x509_certificate(base64.b64decode(field["signer"]))
    assert signer.public_key().key_size == (256 if signed["suite"] in (1, 2) else 384), "signer's curve"
    for member, digest in signed["parts"].items():
        assert name(part[member]) == digest, member
    leaves = [part["leaves"][i : i + 32] for i in range(0, len(part["leaves"]), 32)]
    assert tree(leaves).hex() == signed["payload"]["root"][7:], "root"
    payload, segment = part["payload"], 1_049_600
    assert len(payload) == signed["payload"]["size"], "payload size"
    cuts = [0] + list(range(56 + segment, len(payload), segment)) + [len(payload)]
    made = [sha256(b"\0" + payload[a:b]) for a, b in zip(cuts, cuts[1:])]
    row = 1
    while -(-len(made) // row) > 32_768:
        row *= 2
    assert leaves == [tree(made[i : i + row]) for i in range(0, len(made), row)], "leaves"
    core = {key: signed[key] for key in ("created", "expires", "federation", "format", "from",
                                         "id", "label", "suite", "to", "to-keys")}
    bound = sha256(json.dumps(core, sort_keys=True, separators=(",", ":"),
                              ensure_ascii=False).encode())
    ss = decapsulate(base64.b64decode(field["mlkem"]), part["keys.mlkem"]) if core["suite"] in (2, 4) else b""
    info = (b"selat content key v1\0" + bound + sha256(part["keys.cms"])
            + sha256(part["keys.mlkem"]))
    content_key = expand(hmac.new(bytes(64), z + ss, "sha512").digest(), info, 32)
    manifest = json.loads(unseal(part["manifest"], content_key, b"selat manifest v1\0" + bound))
    assert manifest["selat"]["core"] == core, "core"
    plaintext = unseal(payload, content_key, b"selat payload v1\0" + bound)
    assert len(plaintext) == sum(r["bytes"] for r in manifest["resources"]), "bytes"
    return name(plaintext)


for path in sys.argv[1:]:
    try:
        print(open_vector(path))
    except Exception as reason:
        print(f"stopped: {type(reason).__name__} {reason}".splitlines()[0][:120])
