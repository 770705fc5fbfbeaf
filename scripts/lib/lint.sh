# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Checks of the text of the project. Each prints what it dislikes as FILE:LINE and returns 1, or 77
# when the tool it needs is not there. They run in the top directory.

lint_checks=(format layers headers comments path secrets lengths shell cppcheck leftovers)

lint_files() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done; }

# lint_none MESSAGE < HITS: an error when there is any line.
lint_none() {
	local hits
	hits=$(cat)
	[ -z "$hits" ] || {
		printf '%s:\n%s\n' "$1" "$hits"
		return 1
	}
}

lint_drop() { grep -vE -e "$1" || true; }

# lint_grep MESSAGE PATTERN FILE...
lint_grep() {
	local message=$1 pattern=$2
	shift 2
	[ $# -gt 0 ] || return 0
	{ grep -nHE -e "$pattern" -- "$@" || true; } | lint_none "$message"
}

lint_need() { # COMMAND REASON
	command -v "$1" >/dev/null && return
	printf '%s\n' "$2"
	return 77
}

lint_format() {
	lint_need clang-format-14 "no clang-format-14 (Debian 12 has it; other versions format otherwise)" || return
	lint_files '*.c' '*.h' | xargs -r clang-format-14 --dry-run -Werror
}

# Layers point one way: base <- drivers <- dataplane <- control.
lint_layers() {
	local bad=0 f
	mapfile -t base < <(lint_files 'dataplane/base/*.[ch]')
	mapfile -t drivers < <(lint_files 'drivers/*.[ch]' | grep -v /tests/)
	mapfile -t dataplane < <(lint_files 'dataplane/*.[ch]' | grep -v -e /tests/ -e /base/)
	mapfile -t control < <(lint_files 'control/*.[ch]' | grep -v /tests/)
	lint_grep "dataplane/base includes only libc and DPDK" \
		'#include "(control|drivers|dataplane/[^b])' "${base[@]}" || bad=1
	lint_grep "drivers know nothing above dataplane/base" \
		'#include "(control/|dataplane/([^b]|b[^a]))' "${drivers[@]}" || bad=1
	lint_grep "dataplane never includes control" '#include "control/' "${dataplane[@]}" || bad=1
	{ grep -nHE '#include "drivers/' "${dataplane[@]}" || true; } | lint_drop 'drivers/port.h"' |
		lint_none "dataplane sees drivers/port.h only" || bad=1
	{ grep -nHE '#include "dataplane/(inbound|outbound|cbc_path|epoch_path|outer|inner)' "${control[@]}" || true; } |
		lint_drop '^control/publish' | lint_none "control includes the packet path" || bad=1
	{ lint_files '*.[ch]' | xargs grep -nHE '#include <(ipsec-mb|intel-ipsec-mb)' || true; } |
		lint_drop '^dataplane/ipsec_mb.h:|/tests/|^bench/' |
		lint_none "ipsec-mb has one home, ipsec_mb.h" || bad=1
	{ lint_files '*.[ch]' | xargs grep -nHE '#include <(bpf/libbpf|xdp/)' || true; } |
		lint_drop '^drivers/' | lint_none "libbpf and libxdp live in drivers" || bad=1
	lint_grep "OpenSSL has no business in dataplane and drivers" '#include <openssl/' \
		"${dataplane[@]}" "${drivers[@]}" || bad=1
	for f in "${dataplane[@]}" "${drivers[@]}" "${control[@]}" "${base[@]}"; do
		grep -nHE '#include "[^/"]*"' "$f" || true
	done | lint_none "includes are rooted at the repository" || bad=1
	return $bad
}

# Licence and copyright in the first three lines.
lint_headers() {
	local f bad=0
	while read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ' ||
			{ echo "$f:1: no SPDX line" && bad=1; }
		case $f in */meson.build | meson.build) continue ;; esac
		head -n 4 "$f" | grep -q 'Copyright (c) 2026, The Sluice authors' ||
			{ echo "$f:2: no copyright line" && bad=1; }
	done < <(lint_files '*.c' '*.h' '*.sh' '*meson.build' scripts/sluice 'scripts/sim/*' 'scripts/table/*' .ci/run)
	return $bad
}

# Numbers of table rows may stand in the old form.
lint_comments() {
	mapfile -t files < <(lint_files '*.c' '*.h')
	{ grep -nHE '^[[:space:]]*/\*|[;{}][[:space:]]*/\*' "${files[@]}" || true; } |
		lint_drop '/\* *[0-9]+ \*/' | lint_none "comments are //"
}

# What the packet path must not do: log, allocate, lock, call the kernel. Control writes fib.c and lpm.c, too.
lint_path() {
	local bad=0
	mapfile -t dataplane < <(lint_files 'dataplane/*.[ch]' | grep -v -e /tests/ -e /base/)
	mapfile -t path < <(lint_files 'dataplane/*.c' |
		grep -E '/(aead|aead_[a-z0-9_]+|capture|cbc|cbc_[a-z0-9_]+|cipher|csum|epoch|epoch_path|event|hairpin|handoff|inbound|inject|inner|iroute|map|outbound|outer|overload|pkt|pktid|prefix_table|proto|punt|worker)\.c$')
	lint_grep "no stdio, pthread or allocation by libc in dataplane" \
		'(^|[^_a-z])(printf|fprintf|malloc|pthread_[a-z_]+|sleep|usleep|syslog)\(' \
		"${dataplane[@]}" || bad=1
	# Functions that make and free what the path uses are not on it.
	awk '
		/^[a-z].*\(/ { name = $0 }
		name ~ /_(new|free|init|fini)\(/ { next }
		/(^|[^_a-zA-Z])(LOG|log_[a-z]+|rte_z?malloc[a-z_]*|calloc|free|rte_free|rte_(spin|rw)lock[a-z_]*|read|write|send|sendto|recv|ioctl)\(/ {
			print FILENAME ":" FNR ": " $0
		}' "${path[@]}" |
		lint_none "no log, allocation, lock or system call on the packet path" || bad=1
	# A raw free says in a comment on its line why it is not a drop.
	{ grep -nHE '(^|[^_a-z])rte_pktmbuf_free(_bulk)?\(' "${dataplane[@]}" || true; } |
		lint_drop '^dataplane/(pkt|pkt_[a-z]+|capture|worker|worker_[a-z]+|state|handoff)\.[ch]:|; // ' |
		lint_none "packets leave by pkt_drop, punt_push, handoff or a port" || bad=1
	lint_grep "no volatile between threads: _Atomic" '(^|[^_a-z])volatile ' "${dataplane[@]}" || bad=1
	return $bad
}

# Secrets are compared in constant time.
lint_secrets() {
	mapfile -t files < <(lint_files 'control/*.c' 'dataplane/aead*.c' 'dataplane/cbc*.c' | grep -v /tests/ |
		grep -E '/(cookie|epoch_chain|tls_wrap[a-z_]*|tls_crypt[a-z0-9_]*|keyex|aead_[a-z_]+|cbc_[a-z_]+|first_packet|key_state)\.c$')
	lint_grep "memcmp where secrets are: use CRYPTO_memcmp" '(^|[^_a-zA-Z])memcmp\(' "${files[@]}"
}

# Functions of at most 60 lines, files of at most 800.
lint_lengths() {
	local hits
	hits=$(lint_files '*.c' '*.h' | xargs awk '
		FNR == 1 { open = 0; if (last > 800) print file ":" last ": file longer than 800 lines"; file = FILENAME }
		{ last = FNR }
		/^\{/ { open = FNR; name = prev }
		/^\}/ && open { n = FNR - open - 1; if (n > 60) print FILENAME ":" open ": function of " n " lines"; open = 0 }
		!/^[ \t]/ && !/^\{/ { prev = $0 }
		END { if (last > 800) print file ":" last ": file longer than 800 lines" }')
	lint_none "too long" <<<"$hits"
}

lint_shell() {
	lint_need shellcheck "no shellcheck: install it" || return
	lint_files 'scripts/*.sh' scripts/sluice .ci/run |
		xargs shellcheck -x -S warning -e SC1090,SC1091,SC2034,SC2154,SC2086
}

lint_cppcheck() {
	lint_need cppcheck "no cppcheck: install it" || return
	local files
	mapfile -t files < <(lint_files '*.c' | grep -v -e /tests/ -e '\.bpf\.c$' -e ^bench/)
	# Headers of DPDK are not parsed: what cppcheck says of macros it cannot see is noise.
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability -j "$SLUICE_JOBS" \
		--std=c11 --inline-suppr --suppress=missingInclude --suppress=unknownMacro \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		--suppress=preprocessorErrorDirective --suppress=syntaxError \
		--suppress=legacyUninitvar --suppress=duplicateAssignExpression \
		-D_GNU_SOURCE -I . "${files[@]}"
}

# Nothing unfinished and nothing of one machine in the tree.
lint_leftovers() {
	local files bad=0
	mapfile -t files < <(lint_files '*' | grep -vE '^(LICENSE|scripts/lib/lint.sh|\.gitignore)$|/corpus/|/seeds/')
	lint_grep "unfinished" '(^|[^A-Za-z])(TODO|FIXME|XXX)([^A-Za-z]|$)' "${files[@]}" || bad=1
	lint_grep "path of one machine" '(/home/[a-z]|/tmp/(b|src)[-/])' "${files[@]}" || bad=1
	return $bad
}
