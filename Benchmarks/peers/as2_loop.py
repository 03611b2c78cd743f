"""Builds and parses signed and encrypted AS2 messages of 1 KiB with pyas2lib, without network, disk or log.

usage: as2_loop.py KEY CERTIFICATE COUNT    (PEM; the same organisation is both ends)
"""

import sys
import time

from pyas2lib import as2

key, certificate, count = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read(), int(sys.argv[3])
sender = as2.Organization("sender", sign_key=key + certificate, sign_key_pass=None)
receiver = as2.Organization("receiver", decrypt_key=key + certificate, decrypt_key_pass=None)
to_receiver = as2.Partner(
    "receiver", sign=True, encrypt=True, enc_alg="aes_256_cbc", encrypt_cert=certificate,
    digest_alg="sha256", validate_certs=False)
from_sender = as2.Partner(
    "sender", sign=True, encrypt=True, enc_alg="aes_256_cbc", verify_cert=certificate,
    digest_alg="sha256", validate_certs=False)
payload = b"1" * 1024
start = time.perf_counter()
for _ in range(count):
    out = as2.Message(sender, to_receiver)
    out.build(payload)
    raw = out.headers_str + b"\r\n" + out.content
    status, exception, _ = as2.Message().parse(
        raw, find_org_cb=lambda _: receiver, find_partner_cb=lambda _: from_sender)
    assert status == "processed", exception
print(f"{count / (time.perf_counter() - start):.1f}")
