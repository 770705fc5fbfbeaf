#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Revocation: a revoked client does not get in, others do; with a list that is out of
# date nobody does, and without it there is no gateway.
# timeout: 120
. "$(dirname "$0")/_init.sh"

bed_usual
pki_all "$BED_DIR/pki" client1 revoked
pki_revoke "$BED_DIR/pki" revoked
pki_crl "$BED_DIR/pki"
GATEWAY_EXTRA="crl_verify: $BED_DIR/pki/crl.pem"
conf_write
gateway_start
say_step "a revoked certificate"
client_start 1 revoked --connect-retry-max 1 --hand-window 6
wait_for 10 client_up_or_gone 1 || true
assert_not "the revoked client got in" client_is_up 1
assert_log sluiced 'revoked'
client_stop 1
say_step "another one"
client_start 1
client_wait 1 || fail "the good client did not get in"
client_stop 1
gateway_stop
say_step "the list is out of date"
openssl ca -gencrl -crlsec 1 -config "$BED_DIR/pki/ca.cnf" -out "$BED_DIR/pki/crl.pem" 2>>"$BED_DIR/pki.log"
sleep 2
gateway_start
client_start 1 client1 --connect-retry-max 1 --hand-window 6
wait_for 10 client_up_or_gone 1 || true
assert_not "a client got in with an old revocation list" client_is_up 1
assert_log sluiced 'CRL of .* expired'
client_stop 1
gateway_stop
say_step "the list is missing"
rm "$BED_DIR/pki/crl.pem"
sluiced_refuses 'crl\.pem'
test_done
