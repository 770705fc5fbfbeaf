#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Somebody deletes a gateway's TUN device: the fast path goes on, the punt thread does not spin, the
# device is made again; also when something is in its way first.
# timeout: 120
. "$(dirname "$0")/_init.sh"

tun_is_tun() { on node ip -j -d link show sluice-demo 2>/dev/null | jq -e '.[0].linkinfo.info_kind == "tun"'; }

# Hundredths of a second that the punt thread runs within one.
punt_load() {
	local pid task from
	pid=$(proc_pid sluiced)
	task=$(grep -lx sluice-punt /proc/"$pid"/task/*/comm)
	from=$(awk '{ print $14 + $15 }' "${task%comm}stat")
	sleep 1
	echo $(($(awk '{ print $14 + $15 }' "${task%comm}stat") - from))
}

gateway_up
pings 1 10.8.0.1 10
# From here on the neighbours are known.
pings 1 "$(inside4 1)" 10
pings 1 "$(inside6 1)" 10
say_step "deleted"
on node ip link del sluice-demo
pings 1 "$(inside4 1)" 50
assert_le "load of the punt thread" "$(punt_load)" 50
assert_log sluiced 'error gateway: gateway=demo: TUN device sluice-demo was deleted'
assert_log sluiced 'gateway=demo: TUN device sluice-demo is there again'
assert "the device is not there" tun_is_tun
pings 1 10.8.0.1 10
pings 1 fd00:8::1 10
assert_eq "devices deleted" "$(ctl status | jq .slow_path.devices_gone)" 1

say_step "deleted, and its name taken"
proc_signal sluiced STOP
on node ip link del sluice-demo
on node ip link add sluice-demo type veth peer name other
proc_signal sluiced CONT
assert_log sluiced 'error gateway: gateway=demo: no TUN device sluice-demo: .*remove what is in its way'
pings 1 "$(inside4 1)" 50
pings 1 "$(inside6 1)" 50
assert_le "load of the punt thread" "$(punt_load)" 50
assert_not "a stranger's device was taken" tun_is_tun
on node ip link del sluice-demo
wait_for 20 tun_is_tun || fail "the device was not made again"
wait_for 5 on client1 ping -c 1 -W 1 10.8.0.1 || fail "the gateway does not answer"
pings 1 10.8.0.1 10
test_done
