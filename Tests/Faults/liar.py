"""A relay that lies: it stands before a node, has that node's key, and passes on what it hears, or something else.

Each connection is taken with the node's own certificate and key, and opened again to the node behind with those of
the peer that called, so that both believe to speak with each other: what a relay could do to what passes through
it, and what it could answer. While `lying` is set, every other request about envelopes, receipts and recalls is met
with a lie of LIES. Everything else, such as membership and witnesses, passes as it is.
"""

import collections
import json
import pathlib
import socket
import ssl
import threading

LIES = ["flip", "cut", "swallow", "replay", "swap", "claim", "deny", "garble", "delay"]
PIECE = 64 << 10
PATIENCE = 40
PATHS = ("/v1/envelopes", "/v1/receipts", "/v1/recalls")
PROBLEMS = [
    (422, "import-refused"), (422, "verdict-differs"), (404, "unknown-upload"), (422, "stale-edition"),
    (422, "relay-full"), (507, "reserve-reached"), (429, "too-many-requests"), (409, "id-conflict"),
    (422, "approval-owed"), (500, "nothing-that-exists"),
]


class Gone(Exception):
    """The one at the other end has closed, or sends what is no HTTP."""


class Message:
    """A request or an answer: its first line, its fields, and how long its body is."""

    def __init__(self, file):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline(16 << 10)
            if not line or len(head) > 128 << 10:
                raise Gone()
            head += line
        self.first, *fields = head.decode("latin-1").split("\r\n")[:-2]
        self.fields = [tuple(part.strip() for part in field.split(":", 1)) for field in fields]
        if self.field("transfer-encoding"):
            raise Gone()
        self.length = int(self.field("content-length") or 0)
        self.file = file

    def field(self, name):
        return next((value for key, value in self.fields if key.lower() == name), None)

    def replaced(self, status, body, kind):
        """An answer in this one's place, with the fields that every answer has."""
        self.first = f"HTTP/1.1 {status} Whatever"
        dropped = {"content-length", "content-type", "retry-after"}
        self.fields = [(key, value) for key, value in self.fields if key.lower() not in dropped]
        self.fields += [("content-type", kind), ("content-length", str(len(body)))]

    @property
    def head(self):
        lines = [self.first] + [f"{key}: {value}" for key, value in self.fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def pieces(self):
        left = self.length
        while left > 0:
            piece = self.file.read(min(left, PIECE))
            if not piece:
                raise Gone()
            left -= len(piece)
            yield piece

    def body(self):
        return b"".join(self.pieces())


def certificate(address, path):
    """Keeps the certificate with which a node proves itself; it shows it to everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, timeout=10) as plain, context.wrap_socket(plain) as secure:
        path.write_text(ssl.DER_cert_to_PEM_cert(secure.getpeercert(True)))


class Liar:
    """Stands before one node."""

    def __init__(self, name, place, behind, identities, roots, random):
        """identities: of every node, certificate and key; roots: a file of all authorities' certificates."""
        self.name, self.behind, self.identities, self.random = name, behind, identities, random
        self.lying, self.told = threading.Event(), collections.Counter()
        self.heard, self.said, self.lock = [], [], threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(roots)
        self.context.load_cert_chain(*identities[name])
        self.listener = socket.create_server(place, backlog=256)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.meet, args=(plain,), daemon=True).start()

    def meet(self, plain):
        """One connection, until either end has enough of it."""
        plain.settimeout(PATIENCE)
        try:
            with plain, self.context.wrap_socket(plain, server_side=True) as caller:
                shown = caller.getpeercert(True)
                peer = next(name for name in self.identities if f"selat://{name}".encode() in shown)
                with self.dial(peer) as node:
                    streams = (caller.makefile("rb"), node.makefile("rb"))
                    while self.exchange(peer, caller, node, *streams):
                        pass
        except (OSError, Gone, StopIteration, ValueError):
            pass

    def dial(self, peer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(*self.identities[peer])
        plain = socket.create_connection(self.behind, timeout=PATIENCE)
        return context.wrap_socket(plain)

    def exchange(self, peer, caller, node, asked, answered):
        request = Message(asked)
        is_about = any(path in request.first for path in PATHS)
        lie = None
        if is_about and self.lying.is_set() and self.random.random() < 0.5:
            lie = self.random.choice(LIES)
            self.told[lie] += 1
        if lie == "swallow":
            return self.swallow(request, caller)
        is_whole = self.pass_on(request, node, lie, keeps=is_about and request.first.startswith("POST"))
        if lie == "cut":
            return False
        answer = Message(answered)
        body = answer.body()
        if lie == "replay":
            self.replay(peer)
        if is_about and answer.first.split()[1] in ("200", "201"):
            self.keep(self.said, (request.first.split()[0], body))
        body = self.twisted(request, answer, body, lie)
        caller.sendall(answer.head + body)
        return is_whole and lie != "garble"

    def keep(self, list, value):
        with self.lock:
            list.append(value)
            del list[:-50]

    # What is done to a request

    def pass_on(self, request, node, lie, keeps):
        """Whether all of it went on; a node may answer, and close, before it has all."""
        flipped = self.random.randrange(request.length * 8) if lie == "flip" and request.length else None
        end = self.random.randrange(request.length + 1) if lie == "cut" else None
        whole, offset = [], 0
        try:
            node.sendall(request.head)
            for piece in request.pieces():
                whole += [piece] if keeps else []
                if flipped is not None and offset <= flipped // 8 < offset + len(piece):
                    changed = bytearray(piece)
                    changed[flipped // 8 - offset] ^= 1 << flipped % 8
                    piece = bytes(changed)
                if end is not None and offset + len(piece) > end:
                    node.sendall(piece[:end - offset])
                    return False
                node.sendall(piece)
                offset += len(piece)
        except OSError:
            return False
        if keeps:
            self.keep(self.heard, request.head + b"".join(whole))
        return True

    def swallow(self, request, caller):
        """Takes it, passes nothing on, and says that all is well."""
        for _ in request.pieces():
            pass
        with self.lock:
            fitting = [body for method, body in self.said if method == request.first.split()[0]]
        body = self.random.choice(fitting) if fitting else b'{"offset":0,"state":"receiving"}'
        mark = request.field("selat-membership") or ""
        caller.sendall(
            f"HTTP/1.1 200 OK\r\nselat-membership: {mark}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode() + body)
        return True

    def replay(self, peer):
        """Brings something again that was brought before, perhaps by somebody else."""
        with self.lock:
            again = self.random.choice(self.heard) if self.heard else None
        if again:
            with self.dial(peer) as node:
                node.sendall(again)
                Message(node.makefile("rb")).body()

    # What is done to an answer

    def twisted(self, request, answer, body, lie):
        if lie == "swap":
            with self.lock:
                fitting = [said for method, said in self.said if method == request.first.split()[0]]
            body = self.random.choice(fitting) if fitting else body
            answer.replaced(200, body, "application/json")
        elif lie == "claim":
            body = self.claim(body)
            answer.replaced(200, body, "application/json")
        elif lie == "deny":
            status, type = self.random.choice(PROBLEMS)
            body = json.dumps({
                "type": f"urn:selat:problem:{type}", "title": "no", "status": status, "detail": "x" * 300,
                "retry-after": self.random.choice([0, 1, -5, 2 ** 53 - 1])}).encode()
            answer.replaced(status, body, "application/problem+json")
        elif lie == "garble":
            body = self.random.randbytes(self.random.choice([0, 1, 200, 70_000]))
            answer.replaced(self.random.choice([200, 201, 204, 404, 999]), body, "application/json")
        elif lie == "delay":
            threading.Event().wait(self.random.uniform(0, 5))
        return body

    def claim(self, body):
        """That it stands otherwise than it does: further, at an end, or by a receipt that was tampered with."""
        try:
            document = json.loads(body)
        except ValueError:
            document = {}
        word = self.random.choice(
            ["delivered", "refused", "opened", "holding", "forwarded", "returned", "receiving", "lapsed", "taken"])
        document["state"] = word
        document["offset"] = self.random.choice([0, 1, 1_048_576, 2 ** 40, 2 ** 53 - 1, document.get("offset", 0)])
        receipt = document.get("receipt")
        if isinstance(receipt, dict) and self.random.random() < 0.5:
            key = self.random.choice(list(receipt))
            value = receipt[key]
            if isinstance(value, str) and value:
                place = self.random.randrange(len(value))
                receipt[key] = value[:place] + self.random.choice("AZaz09") + value[place + 1:]
        elif self.random.random() < 0.5:
            document.pop("receipt", None)
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
