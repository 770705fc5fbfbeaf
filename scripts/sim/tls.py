# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""TLS as the client plays it: memory BIOs, bytes in and out, no sockets."""

from OpenSSL import SSL

VERSIONS = {"1.0": SSL.TLS1_VERSION, "1.1": SSL.TLS1_1_VERSION}
VERSIONS.update({"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION})


class TlsError(ValueError):
    """TLS failed; the text is the reason OpenSSL gives, alerts of the server included."""


def reason(error):
    stack = error.args[0] if error.args else []
    if isinstance(stack, list):
        return "; ".join(entry[-1] for entry in stack) or "unknown"
    return str(error)


class Tls:
    def __init__(self, ca, cert, key, lowest="1.2", highest="1.3"):
        ctx = SSL.Context(SSL.TLS_METHOD)
        ctx.set_min_proto_version(VERSIONS[lowest])
        ctx.set_max_proto_version(VERSIONS[highest])
        if lowest in ("1.0", "1.1"):
            ctx.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
        ctx.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION)
        ctx.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        ctx.load_verify_locations(ca)
        ctx.set_verify(SSL.VERIFY_PEER, lambda conn, x509, code, depth, ok: bool(ok))
        if cert:
            ctx.use_certificate_chain_file(cert)
            ctx.use_privatekey_file(key)
        self.conn = SSL.Connection(ctx, None)
        self.conn.set_connect_state()
        self.done = False

    def feed(self, data):
        while data:
            data = data[self.conn.bio_write(data) :]

    def outgoing(self):
        out = b""
        while True:
            try:
                out += self.conn.bio_read(65536)
            except SSL.WantReadError:
                return out

    def handshake(self):
        """True when it is over."""
        if not self.done:
            try:
                self.conn.do_handshake()
                self.done = True
            except SSL.WantReadError:
                pass
            except SSL.Error as e:
                raise TlsError(reason(e)) from e
        return self.done

    def write(self, message):
        """One call, one record as long as the message fits."""
        self.conn.sendall(message)

    def read(self):
        """The plaintext of one record, or None."""
        try:
            return self.conn.recv(65536)
        except SSL.WantReadError:
            return None
        except SSL.ZeroReturnError:
            raise TlsError("closed by the server") from None
        except SSL.Error as e:
            raise TlsError(reason(e)) from e

    def export(self, label, size):
        return self.conn.export_keying_material(label, size)

    def info(self):
        peer = self.conn.get_peer_certificate()
        return {
            "version": self.conn.get_protocol_version_name(),
            "suite": self.conn.get_cipher_name(),
            "server": peer.get_subject().CN if peer else None,
        }
