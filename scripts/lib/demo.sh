# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The demonstration: a stock client reaches a host behind a server, with numbers.

DEMO_SECONDS=5
DEMO_FAST_PCT=95

demo_options() {
	DEMO_LEFT='' DEMO_KEEP='' DEMO_JSON='' DEMO_COMPARE='' DEMO_STOP='' DEMO_SLUICED=()
	while [ $# -gt 0 ]; do
		case $1 in
		--keep) DEMO_KEEP=1 ;;
		--stop) DEMO_STOP=1 ;;
		--compare) DEMO_COMPARE=1 ;;
		--disable-workers) DEMO_SLUICED=(--disable-workers) ;; # test aid: the demo must fail
		--json | --seconds)
			[ $# -ge 2 ] || usage_error "demo $1 needs a value"
			if [ "$1" = --json ]; then DEMO_JSON=$2; else DEMO_SECONDS=$2; fi
			shift
			;;
		*) usage_error "demo: unknown argument \"$1\"" ;;
		esac
		shift
	done
	[[ $DEMO_SECONDS =~ ^[1-9][0-9]*$ ]] || usage_error "demo --seconds must be 1 or more, got \"$DEMO_SECONDS\""
	[ -z "$DEMO_KEEP$DEMO_JSON" ] || [ -z "$DEMO_COMPARE" ] ||
		usage_error "demo --compare goes with neither --keep nor --json"
}

demo_main() {
	demo_options "$@"
	need_root demo
	log_open demo
	# Known now, not after all the measuring; and what stands there if the demo ends early.
	[ -z "$DEMO_JSON" ] || { printf '{"ok":false}\n' >"$DEMO_JSON"; } 2>/dev/null ||
		die "cannot write $DEMO_JSON"
	if [ -n "$DEMO_STOP" ]; then
		demo_stop
		return
	fi
	trap demo_exit EXIT
	trap 'say ""; say "interrupted: cleaning up"; exit 130' INT TERM HUP
	packages_ensure "${packages_build[@]}" "${packages_run[@]}"
	build_product
	setup_host
	if [ -n "$DEMO_COMPARE" ]; then
		compare_run
		return
	fi
	demo_prepare
	demo_measure sluiced
	demo_summary
	[ -n "$DEMO_KEEP" ] || {
		demo_server_stop
		demo_end
	}
	[ -z "$DEMO_JSON" ] || demo_json >"$DEMO_JSON" || die "cannot write $DEMO_JSON"
	demo_judge
	say "demo: ok"
	[ -z "$DEMO_KEEP" ] || demo_keep
}

demo_exit() {
	local rc=$?
	trap - EXIT
	trap '' INT TERM HUP
	step_stop
	[ -z "$BED_DIR" ] || [ -f "$BED_DIR/keep" ] || bed_end
	# To take everything down belongs to it. The warning was given.
	! was_forced sluiced || [ $rc -ne 0 ] || rc=1
	exit $rc
}

# Takes the bed down. What did not go well is a line of DEMO_LEFT.
demo_end() {
	local dir=$BED_DIR prefix=$BED_PREFIX
	say "Taking everything down"
	bed_end
	[ ! -e "$dir" ] && ! ip netns list | grep -q "^$prefix-" ||
		DEMO_LEFT+="network namespaces $prefix-* or $dir are left"$'\n'
}

# The client leaves first: its goodbye is part of what must work.
demo_server_stop() {
	client_stop 1
	! sluiced_answers || wait_for 5 ports_add_up ||
		DEMO_LEFT+="received is not carried + consumed + punted + dropped: $(counter '[.ports[] | select(.in_flight != 0)] | tostring')"$'\n'
	proc_stop sluiced
	cp "$BED_DIR/sluiced.log" "$(log_dir)/demo-sluiced.log"
	[ "$PROC_STATUS" -eq 0 ] || DEMO_LEFT+="sluiced ended with status $PROC_STATUS"$'\n'
}

# A message of the demo that failed, with the log of the process to look into.
demo_fail() {
	local name=$1
	shift
	[ ! -f "$BED_DIR/$name.log" ] || {
		LOG_FILE=$(log_dir)/demo-$name.log LOG_TELLS=1
		cp "$BED_DIR/$name.log" "$LOG_FILE"
	}
	[ -z "$DEMO_JSON" ] || printf '{"ok":false}\n' >"$DEMO_JSON"
	die "$*"
}

demo_prepare() {
	bed_begin demo
	say "Making three network namespaces: client host, gateway node, inside host"
	bed_usual
	# Receive work of the test hosts stays off the worker's core.
	host_rps client1 1
	host_rps inside1 1
	pki_all "$BED_DIR/pki" client1
	conf_write
	proc_start iperf3 inside1 taskset -c 0 iperf3 -s
	cp "$BED_DIR/sluice.yaml" "$(log_dir)/demo.yaml"
}

demo_server_start() {
	case $1 in
	sluiced)
		sluiced_start "${DEMO_SLUICED[@]}" || demo_fail sluiced "sluiced did not start"
		;;
	openvpn)
		SERVER_WRAP="taskset -c $(($(nproc) - 1))" openvpn_server_start ||
			demo_fail server "stock openvpn did not start as the server"
		;;
	esac
}

demo_connect() {
	CLIENT_WRAP="taskset -c 0" client_start 1
	client_wait 1 || demo_fail openvpn1 "the openvpn client did not connect in 30 seconds"
	CIPHER=$(client_cipher)
}

demo_ping() {
	local out=$BED_DIR/ping.out
	step "Pinging the inside host" on client1 ping -n -i 0.05 -c 40 -w 10 "$(inside4 1)" || true
	tail -n 60 "$LOG_FILE" >"$out"
	PING_LOSS=$(sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p' "$out" | tail -n 1)
	PING_RTT=$(sed -n 's|^rtt [^=]*= [0-9.]*/\([0-9.]*\)/.*|\1|p' "$out" | tail -n 1)
	[ -n "$PING_LOSS" ] || demo_fail openvpn1 "no ping got through the tunnel"
	[ "$PING_LOSS" != 100 ] || demo_fail openvpn1 "every ping through the tunnel was lost"
}

# demo_iperf TITLE FILE [OPTION]...: prints nothing, JSON in FILE.
demo_iperf() {
	local title=$1 file=$2
	shift 2
	wait_for 5 on inside1 ss -Hltn sport = 5201 || true
	# In the foreground: timeout must not leave the process group that an interrupt ends.
	step "$title" on client1 taskset -c 0 timeout --foreground $((DEMO_SECONDS + 20)) iperf3 -c "$(inside4 1)" \
		-t "$DEMO_SECONDS" --connect-timeout 5000 -J --logfile "$file" "$@" || {
		cat "$file" >>"$LOG_FILE" 2>/dev/null || true
		demo_fail demo "iperf3 through the tunnel failed ($title)"
	}
}

iperf_mbps() { jq -r '(.end.sum_received.bits_per_second / 1e6 * 10 | round) / 10' "$1"; }

# demo_measure sluiced|openvpn: starts the server, connects, measures, reads the counters.
demo_measure() {
	local server=$1
	say "Starting $server in the node, connecting a stock openvpn client"
	demo_server_start "$server"
	demo_connect
	demo_ping
	compare_cost_begin "$server"
	rm -f "$BED_DIR"/{up,down}.json
	demo_iperf "Measuring TCP, client to inside host" "$BED_DIR/up.json"
	demo_iperf "Measuring TCP, inside host to client" "$BED_DIR/down.json" -R
	TCP_UP=$(iperf_mbps "$BED_DIR/up.json")
	TCP_DOWN=$(iperf_mbps "$BED_DIR/down.json")
	compare_cost_end "$server"
	[ "$server" != sluiced ] || demo_counters
}

demo_counters() {
	ctl counters >"$BED_DIR/counters.json" || demo_fail sluiced "sluicectl got no answer"
	cat "$BED_DIR/counters.json" >>"$LOG_FILE"
	read -r FAST_IN FAST_OUT SLOW_IN SLOW_OUT < <(jq -r '(.result // .) | .gateways[0] |
		[.fast_in_pkts, .fast_out_pkts, .slow_in_pkts, .slow_out_pkts] | @tsv' \
		"$BED_DIR/counters.json")
}

demo_summary() {
	cat <<-TEXT

		  cipher                 $CIPHER
		  round trip             ${PING_RTT:-?} ms (40 pings, $PING_LOSS % lost)
		  TCP client to inside   $TCP_UP Mbit/s
		  TCP inside to client   $TCP_DOWN Mbit/s
		  carried by workers     $FAST_IN in, $FAST_OUT out (packets)
		  took the slow path     $SLOW_IN in, $SLOW_OUT out

	TEXT
}

demo_json() {
	local ok=true
	[ -z "$(demo_verdict)" ] || ok=false
	jq -nc --argjson ok $ok --arg cipher "$CIPHER" --argjson loss "$PING_LOSS" \
		--argjson up "$TCP_UP" --argjson down "$TCP_DOWN" --argjson "fi" "$FAST_IN" \
		--argjson fo "$FAST_OUT" --argjson si "$SLOW_IN" --argjson so "$SLOW_OUT" \
		'{ok: $ok, cipher: $cipher, ping_loss_pct: $loss, tcp_up_mbps: $up,
		tcp_down_mbps: $down, fast_in_pkts: $fi, fast_out_pkts: $fo,
		slow_in_pkts: $si, slow_out_pkts: $so}'
}

# Prints what is wrong with the result; nothing if all is well.
demo_verdict() {
	[ -n "$CIPHER" ] || say "no cipher was negotiated"
	[ "$PING_LOSS" = 0 ] || say "$PING_LOSS % of the pings were lost"
	awk -v up="$TCP_UP" -v down="$TCP_DOWN" 'BEGIN { exit !(up > 0 && down > 0) }' ||
		say "no TCP throughput"
	[ $((FAST_IN * 100)) -ge $(((FAST_IN + SLOW_IN) * DEMO_FAST_PCT)) ] && [ "$FAST_IN" -gt 0 ] ||
		say "workers carried $FAST_IN of $((FAST_IN + SLOW_IN)) inbound packets, less than $DEMO_FAST_PCT %"
	[ $((FAST_OUT * 100)) -ge $(((FAST_OUT + SLOW_OUT) * DEMO_FAST_PCT)) ] && [ "$FAST_OUT" -gt 0 ] ||
		say "workers carried $FAST_OUT of $((FAST_OUT + SLOW_OUT)) outbound packets, less than $DEMO_FAST_PCT %"
	printf '%s' "$DEMO_LEFT"
}

demo_judge() {
	local verdict
	verdict=$(demo_verdict)
	[ -z "$verdict" ] || {
		[ -z "$BED_DIR" ] || cp "$BED_DIR/sluiced.log" "$(log_dir)/demo-sluiced.log"
		LOG_FILE=$(log_dir)/demo-sluiced.log LOG_TELLS=1
		die "the demo failed: ${verdict//$'\n'/; }"
	}
}

demo_keep() {
	touch "$BED_DIR/keep"
	cat <<-TEXT

		Everything is still running. Try:
		  ip netns exec $BED_PREFIX-client1 ping $(inside4 1)
		  ip netns exec $BED_PREFIX-client1 iperf3 -c $(inside4 1)
		  $SLUICECTL --socket $BED_DIR/sluice.sock status
		  $SLUICECTL --socket $BED_DIR/sluice.sock counters
		  tail -f $BED_DIR/sluiced.log
		Configuration: $BED_DIR/sluice.yaml
		Stop it with: $SLUICE_TOP/scripts/sluice demo --stop
	TEXT
	trap - EXIT
	disown -a
}

demo_stop() {
	local dir count=0
	for dir in /run/sluice-demo.*/; do
		[ -f "$dir/keep" ] || continue
		bed_resume "${dir%/}"
		bed_end
		count=$((count + 1))
	done
	say "stopped: $count"
}
