# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Throw-away certificates for demo and tests (EC P-256), with the openssl command line.

pki_ca() { # DIR NAME
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
		-subj "/CN=$2" -keyout "$1/ca.key" -out "$1/ca.crt" \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign 2>>"$BED_DIR/pki.log" || die "openssl req failed"
	: >"$1/index.txt"
	openssl rand -hex 8 >"$1/serial"
	printf '%s\n' 01 >"$1/crlnumber"
	cat >"$1/ca.cnf" <<-CNF
		[ca]
		default_ca = here
		[here]
		database = $1/index.txt
		serial = $1/serial
		crlnumber = $1/crlnumber
		new_certs_dir = $1
		certificate = $1/ca.crt
		private_key = $1/ca.key
		default_md = sha256
		default_crl_days = 30
		unique_subject = no
		policy = any
		[any]
		commonName = supplied
		# OpenVPN 2.3 takes no other key usage: this, or digitalSignature and keyEncipherment.
		[server]
		basicConstraints = CA:FALSE
		keyUsage = digitalSignature, keyAgreement
		extendedKeyUsage = serverAuth
		[client]
		basicConstraints = CA:FALSE
		keyUsage = digitalSignature
		extendedKeyUsage = clientAuth
	CNF
}

# pki_cert DIR NAME server|client [FROM UNTIL]: NAME.crt and NAME.key; dates as YYYYMMDDHHMMSSZ.
pki_cert() {
	local dir=$1 name=$2 kind=$3
	local dates=(-days 30)
	[ $# -lt 5 ] || dates=(-startdate "$4" -enddate "$5")
	{
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
			-subj "/CN=$name" -keyout "$dir/$name.key" -out "$dir/$name.csr" &&
			openssl ca -batch -notext -config "$dir/ca.cnf" -extensions "$kind" \
				-in "$dir/$name.csr" -out "$dir/$name.crt" "${dates[@]}"
	} >>"$BED_DIR/pki.log" 2>&1 || die "openssl could not issue a certificate for $name"
}

pki_crl() { # DIR: crl.pem with what is revoked now
	openssl ca -gencrl -config "$1/ca.cnf" -out "$1/crl.pem" 2>>"$BED_DIR/pki.log"
}

pki_revoke() { # DIR NAME
	openssl ca -config "$1/ca.cnf" -revoke "$1/$2.crt" 2>>"$BED_DIR/pki.log"
}

pki_static() { # FILE: a key for tls-auth or tls-crypt
	openvpn --genkey secret "$1" >>"$BED_DIR/pki.log" 2>&1 || die "openvpn --genkey failed"
}

pki_v2_server() { # FILE: the server key of tls-crypt-v2
	openvpn --genkey tls-crypt-v2-server "$1" >>"$BED_DIR/pki.log" 2>&1 || die "openvpn --genkey failed"
}

pki_v2_client() { # SERVER_KEY FILE [METADATA]: a client's, by default with the time
	openvpn --tls-crypt-v2 "$1" --genkey tls-crypt-v2-client "$2" ${3:+"$3"} \
		>>"$BED_DIR/pki.log" 2>&1 || die "openvpn --genkey failed"
}

# pki_all DIR CLIENT...: authority, server, clients, tls-crypt key.
pki_all() {
	local dir=$1 name
	shift
	pki_ca "$dir" "Sluice test CA"
	pki_cert "$dir" server server
	for name in "$@"; do
		pki_cert "$dir" "$name" client
	done
	pki_static "$dir/tc.key"
}
