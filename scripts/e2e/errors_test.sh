#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A fault of configuration or machine is one line that says what and how to mend it, and an exit
# code that is not 0; nothing stays behind.
# timeout: 120
. "$(dirname "$0")/_init.sh"

good() { conf_write; }
change() { # SED EXPRESSION
	conf_write
	sed -i "$1" "$BED_DIR/sluice.yaml"
}

# What a file holds is found wrong in the same words by --check and at start.
bad_contents() { # PATTERN
	sluiced_refuses "^sluiced: .*sluice\.yaml:[0-9]+:[0-9]+: gateway demo: $1" --check
	sluiced_refuses " error gateway: .*sluice\.yaml:[0-9]+:[0-9]+: gateway demo: $1"
}

bed_usual
pki_all "$BED_DIR/pki" client1
conf_write
on node "$SLUICED" -c "$BED_DIR/sluice.yaml" --check >/dev/null || fail "--check refuses a good file"

say_step "configuration"
change 's/^workers: .*/workers: 0/'
sluiced_refuses '^sluiced: .*sluice\.yaml:1:[0-9]+: workers must be 1\.\..*got "0"' --check
change 's/client_cidr: .*/client_cidr: 10.8.0.0\/33/'
sluiced_refuses 'sluice\.yaml:[0-9]+:[0-9]+: gateway demo: client_cidr .*10\.8\.0\.0/33' --check
change 's/tls_crypt:/port_share:/'
sluiced_refuses 'gateway demo: port_share' --check
change 's/tls_crypt:/no_such_option:/'
sluiced_refuses 'no_such_option' --check
change "s|/ca.crt|/absent.crt|"
sluiced_refuses 'absent\.crt' --check
change "s|/ca.crt|/tc.key|"
bad_contents 'ca: .*tc\.key: no usable CA certificate'
change "s|/server.key|/client1.key|"
bad_contents 'key: .*client1\.key: no usable private key of that certificate'
change "s|/tc.key|/ca.crt|"
bad_contents 'tls_crypt: .*no "OpenVPN Static key V1" in it'
GATEWAY_EXTRA="crl_verify: pki/tc.key" change ''
bad_contents 'crl_verify: .*tc\.key: no usable certificate revocation list'
GATEWAY_EXTRA="tls_groups: nonsense" change ''
bad_contents 'tls_groups: OpenSSL cannot make sense of "nonsense"'
good
rm -f "$BED_DIR/none.yaml"
out=$(on node "$SLUICED" -c "$BED_DIR/none.yaml" 2>&1) && fail "no configuration, no error"
grep -q 'none.yaml' <<<"$out" || fail "missing configuration: $out"

say_step "machine"
change 's/name: in1/name: nosuch0/'
sluiced_refuses 'nosuch0'
change 's/side: inside/side: inside, netns: nosuchns/'
sluiced_refuses 'nosuchns'
change 's/^memory: .*/memory: 900gb/'
sluiced_refuses '[Hh]ugepage'
change 's/port: 1194/port: 1199/'
proc_start blocker node socat -u UDP4-RECVFROM:1199,bind=192.0.2.1 -
wait_for 5 on node sh -c 'ss -Hlun | grep -q 1199' || true
sluiced_refuses '1199.*(in use|already)'
proc_stop blocker
good
# What nobody may read is another error.
chmod -R a+rX "$BED_DIR"
proc_start nobody node setpriv --reuid 65534 --clear-groups "$SLUICED" -c "$BED_DIR/sluice.yaml"
wait_for 10 proc_gone nobody || fail "sluiced runs as nobody"
assert_log nobody 'CAP_[A-Z_]+ is missing .*start as root'
! on node ip -o link show | grep -qE 'sluice-|xdp' || fail "something was left behind"

say_step "a node that does not forward"
on node sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
gateway_start
assert_log sluiced 'gateway=demo: this namespace does not forward IPv4: set net.ipv4.ip_forward to 1'
assert_no_log sluiced 'does not forward IPv6'

say_step "a second daemon"
sluiced_refuses 'running|in use|busy'
test_done
