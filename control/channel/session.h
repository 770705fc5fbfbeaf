// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// One client's control channel: TLS handshake, key exchange, push, renegotiation, goodbye. A state
// machine without I/O and without a clock of its own: datagrams and the time go in, datagrams and
// calls of struct session_ops come out. Control thread only. No DPDK in here: the whole control
// channel runs and is tested without it.
//
// A session begins only after the client returned the stateless cookie (cookie.h, endpoint.c), so
// an unauthenticated packet never makes one; but for a few clients that cannot (first_packet.h).
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "control/channel/push_update.h"
#include "control/conf/conf.h"
#include "dataplane/cipher.h"
#include "dataplane/framing.h"
#include "dataplane/proto.h"

#define SESSION_ID_BYTES 8
#define SESSION_CN_BYTES 65
#define SESSION_HASH_BYTES 32
#define SESSION_TEXT_BYTES 192

struct session;
struct tls_conn;
struct tls_context;
struct tls_wrap_key;

// Address and port of one end; IPv4 in the first four bytes.
struct session_addr {
	uint8_t family; // 4 or 6
	uint8_t addr[16];
	uint16_t port_be;
	uint32_t scope_id; // IPv6 link-local only
};

// Data-channel keys of one key id, as the peer must use them. Wiped by the giver after the call.
struct session_key {
	uint8_t key_id;
	enum cipher cipher;
	enum digest digest; // CBC ciphers, none
	bool epoch;         // AEAD ciphers: the epoch format
	uint8_t recv_key[32],
		send_key[32]; // cipher_key_bytes() of each; epoch: 32, the first secrets
	// AEAD ciphers.
	uint8_t recv_iv[PROTO_IMPLICIT_IV_BYTES], send_iv[PROTO_IMPLICIT_IV_BYTES];
	// CBC ciphers, none: digest_bytes() of each, and what makes the IVs of packets sent.
	uint8_t recv_mac[DIGEST_BYTES_MAX], send_mac[DIGEST_BYTES_MAX];
	uint8_t send_iv_key[16];
};

// What admission gives a client (gateway.c fills it).
struct session_lease {
	uint32_t peer_id;
	uint8_t vpn4[4]; // zeros: none
	uint8_t vpn6[16];
	uint8_t vpn4_len, vpn6_len;  // prefix lengths of the client networks
	uint8_t far4[4];             // other end of the client's tunnel (topologies net30, p2p)
	uint8_t self4[4], self6[16]; // the gateway's own tunnel addresses
	uint16_t tun_mtu;
	const char *name; // of its certificate, the session's; NULL: nobody's options are its own
	const struct conf_client *client; // its own options, of the session's settings; NULL: none
};

enum session_verdict {
	SESSION_ADMIT,
	SESSION_REFUSE_FULL, // maximum number of connections: client should try its next remote
	SESSION_REFUSE_DUPLICATE, // certificate is in use and duplicate_cn says refuse
	SESSION_REFUSE_NO_ADDRESS,
	SESSION_REFUSE_ADDRESS_IN_USE, // its fixed one, by another client, for a moment
	SESSION_REFUSE_DISABLED,
};

enum session_end {
	SESSION_END_EXIT,      // client said goodbye
	SESSION_END_TIMEOUT,   // keepalive
	SESSION_END_EXPIRED,   // session_timeout
	SESSION_END_HANDSHAKE, // not authenticated within hand_window
	SESSION_END_TLS,       // TLS failure, or a certificate that is no longer valid
	SESSION_END_REFUSED,   // AUTH_FAILED or RESTART was sent
	SESSION_END_CROWDED,   // its place went to a handshake from elsewhere
	SESSION_END_REPLACED,  // same certificate, or same address, connected again
	SESSION_END_RENEG,     // renegotiation failed and the last key ran out
	SESSION_END_IDENTITY,  // certificate changed at renegotiation
	SESSION_END_SHUTDOWN,  // gateway or daemon stops
	SESSION_END_KILLED,    // sluicectl
	SESSION_END_RELOAD,    // a reload changed what it cannot be told while it is connected
};
const char *session_end_text(enum session_end end);

// What a session asks of its surroundings. All are called from within session_input(),
// session_tick() and the other calls below; none may call back into the same session, and closed()
// must not free it (the caller of session_* frees when session_is_closed()).
struct session_ops {
	// Sends one datagram to the client.
	void (*send)(void *arg, struct session *s, const uint8_t *data, size_t len);
	// Has tls_conn_handshake() called elsewhere, for a step of it takes long. Nobody else uses
	// conn until session_tls_done(), which is not called from within this call; at most one
	// step of a session is under way. 0, or -errno: no step, the exchange fails. NULL: steps
	// are taken here.
	int (*tls_step)(void *arg, struct session *s, struct tls_conn *conn);
	// The session no longer waits for the step under way: session_tls_done() must not follow,
	// and conn is now the callee's to free.
	void (*tls_abandon)(void *arg, struct session *s, struct tls_conn *conn);
	// The client has authenticated (TLS done, key message read, cipher agreed). Fills the lease,
	// retires an older session of the same certificate (duplicate_cn), makes the peer.
	enum session_verdict (*admit)(void *arg, struct session *s, struct session_lease *lease);
	// New keys: decrypt with them from now on. promote says whether to send on them at once (a
	// session's first key). 0 or -errno.
	int (*key_add)(void *arg, struct session *s, const struct session_key *key, bool promote);
	void (*key_promote)(void *arg, struct session *s, uint8_t key_id);
	void (*key_remove)(void *arg, struct session *s, uint8_t key_id);
	// Connected: PUSH_REPLY sent, keys in place. Once per session.
	void (*connected)(void *arg, struct session *s);
	// Over. The peer, if admitted, must go. Once per session. The session may live on for up to
	// 5 s after it, to deliver a last message and to ack what the client still retransmits: keep
	// passing datagrams and ticks until session_is_closed().
	void (*closed)(void *arg, struct session *s, enum session_end end);
};

// Shared by the sessions of one gateway; outlives them (tls: until session_set_tls()).
struct session_config {
	const struct conf_gateway *gw;
	const struct tls_context *tls;
	const struct session_ops *ops;
	void *arg;
	uint32_t reload; // number of the reload that brought gw; 0: of the start
};

// What the first packets have settled (first_packet.h).
struct session_start {
	uint8_t remote_sid[SESSION_ID_BYTES], own_sid[SESSION_ID_BYTES];
	struct tls_wrap_key *wrap; // fixed for the session's life; NULL: not wrapped
	bool unproven;             // no cookie came back: own_sid is random
};

// A new session whose first packet returned a valid cookie: own session id = cookie, both resets
// count as exchanged. Unproven: our reset is still to be sent; until it is acked the client gets
// nothing else and costs no TLS. Takes a reference to the key. Then pass that packet to session_input().
// NULL and errno.
struct session *session_new(const struct session_config *cfg, const struct session_addr *remote,
	const struct session_start *start, uint64_t now_ms);
void session_free(struct session *s);

// A datagram from the session's own address, still wrapped. len up to 65535.
void session_input(struct session *s, const uint8_t *data, size_t len, uint64_t now_ms);
// Timers: retransmission, hand window, renegotiation, key promotion, keepalive expiry, exit.
// Returns when it wants to be called next (milliseconds, same clock).
uint64_t session_tick(struct session *s, uint64_t now_ms);
uint64_t session_next_tick(const struct session *s);

// After a reload: certificates and CRL of handshakes to come, renegotiations included.
void session_set_tls(struct session *s, const struct tls_context *tls);

// A step of the handshake is over: what tls_conn_handshake() returned.
void session_tls_done(struct session *s, int result, uint64_t now_ms);

// The data plane authenticated packets at this time (keepalive); at most as often as ticks.
void session_data_seen(struct session *s, uint64_t now_ms);
// The client is at another address now; datagrams go there. Or it claims one it must not have.
void session_float(struct session *s, const struct session_addr *remote);
void session_float_refused(struct session *s, const struct session_addr *remote);
// First packet on this key arrived from the client: it has the key (EVENT_KEY_USED).
void session_key_used(struct session *s, uint8_t key_id, uint64_t now_ms);
// Start a renegotiation now; why: for the log. No effect while one runs.
void session_renegotiate(struct session *s, const char *why, uint64_t now_ms);
// The key must not be used any longer and nothing can replace it: over at once.
void session_key_worn(struct session *s, const char *why, uint64_t now_ms);
// Our options string, as the key message has it. As options_string_compose().
int session_options_string(const struct session *s, char *out, size_t room);
// The data plane has dropped packets of the client for being compressed. Once per session.
void session_compressed(struct session *s, uint64_t now_ms);
// OCC EXIT in the data channel: over at once.
void session_peer_exit(struct session *s, uint64_t now_ms);
// Tells the client (RESTART, or `message`) and ends soon after. end: SHUTDOWN, KILLED.
void session_restart(struct session *s, enum session_end end, const char *message, uint64_t now_ms);
// A control string for a connected client, such as "INFO,...": goes out as soon as the newest key can
// carry it. 0; -ENOTCONN; -ENOBUFS: the client has not taken earlier ones; -ENOMEM.
int session_say(struct session *s, const char *message, uint64_t now_ms);
// What of a connected client's settings differs from those that a reload brought. With
// `send` the client is told what it can take while it is connected (PUSH_UPDATE), and session_info()
// says what it still has to connect again for. False: not connected, *change is empty.
bool session_update(struct session *s, const struct session_config *to, bool send,
	struct push_change *change, uint64_t now_ms);
// Over at once without a word: REPLACED, CROWDED.
void session_close(struct session *s, enum session_end end, uint64_t now_ms);

bool session_is_closed(const struct session *s);
bool session_is_connected(const struct session *s);
bool session_is_unproven(const struct session *s); // its client may not be where it says it is
// The session id the client uses, for demultiplexing.
const uint8_t *session_remote_sid(const struct session *s);

// What is known of the client, for admission, status and logs. Strings are printable ASCII.
struct session_info {
	struct session_addr remote;
	char common_name[SESSION_CN_BYTES];
	uint8_t cert_sha256[SESSION_HASH_BYTES];
	char iv_ver[32], iv_plat[32], iv_gui_ver[64];
	uint32_t iv_proto;
	uint16_t iv_mtu;            // 0: not announced
	bool data_v2;               // understands peer ids
	const char *wrap;           // "tls-crypt"
	bool dynamic;               // dynamic tls-crypt for renegotiations
	const char *cipher;         // "AES-256-GCM"; NULL before negotiation
	const char *cipher_why;     // see struct ncp_choice
	const char *digest;         // "SHA256"; NULL: the cipher needs none
	bool epoch;                 // epoch data format
	enum framing framing;       // of data packets
	const char *key_derivation; // "tls-ekm" or "prf"
	char tls_version[16], tls_suite[64];
	uint8_t key_id; // newest
	uint32_t renegotiations;
	uint16_t tls_mtu;        // largest control packet to it, with IP and UDP headers
	uint32_t floats;         // times its address has changed
	uint32_t control_rtt_ms; // smoothed round trip of the control channel; 0: not measured
	uint64_t connected_ms;   // clock_ms() when connected; 0: not yet
	uint32_t reload;         // whose settings the client has; 0: those of the start
	// Options in which they are older than that of the last reload, "ping, cipher"; "": none.
	char outdated[PUSH_NAMES_BYTES];
};
const struct session_info *session_info(const struct session *s);
const struct session_lease *session_lease(const struct session *s); // NULL before admission
// Room for the surroundings (gateway.c's own record of this session).
void session_set_owner(struct session *s, void *owner);
void *session_owner(const struct session *s);
