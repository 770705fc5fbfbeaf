#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What preparing the host says: what it changed, nothing when it changed nothing, and what is
# missing. On a host made of files; the real one stays as it is.
. "$(dirname "$0")/_init.sh"
. "$SLUICE_TOP/scripts/lib/setup.sh"

LOG_FILE=$BED_DIR/setup.log
touch "$LOG_FILE"
mkdir "$BED_DIR/bin"
PATH=$BED_DIR/bin:$PATH
SETUP_TUN=$BED_DIR/dev/net/tun SETUP_TUN_LOADED=$BED_DIR/misc-tun SETUP_CPUINFO=$BED_DIR/cpuinfo
SETUP_HUGE_DIR=$BED_DIR/huge SETUP_HUGE_MB=64

modprobe_is() { # COMMAND
	printf '#!/bin/sh\n%s\n' "$1" >"$BED_DIR/bin/modprobe"
	chmod +x "$BED_DIR/bin/modprobe"
}

say_step "the tun module"
modprobe_is "mkdir -p $BED_DIR/dev/net && mknod $SETUP_TUN c 10 200 && touch $SETUP_TUN_LOADED"
assert_eq "what loading the module says" "$(setup_tun)" "changed: loaded the module tun"
assert_eq "what a device that is there says" "$(setup_tun)" ""
rm "$SETUP_TUN"
modprobe_is 'exit 0'
assert_eq "what a missing device of a loaded module says" "$(setup_tun)" "changed: made $SETUP_TUN"
rm "$SETUP_TUN" "$SETUP_TUN_LOADED"
modprobe_is 'exit 1'
assert_eq "what a missing device without a module says" "$(setup_tun)" "changed: made $SETUP_TUN"

say_step "hugepages"
mkdir "$SETUP_HUGE_DIR"
echo 8 >"$SETUP_HUGE_DIR/nr_hugepages"
echo 32 >"$SETUP_HUGE_DIR/free_hugepages"
assert_eq "what enough hugepages say" "$(setup_hugepages)" ""
echo 4 >"$SETUP_HUGE_DIR/free_hugepages"
out=$( (setup_hugepages) 2>&1) && fail "hugepages that nobody gave are enough: $out"
grep -q '^error: only 8 MB of 64 MB in hugepages: ' <<<"$out" || fail "hugepages: $out"
assert_eq "pages after it failed" "$(<"$SETUP_HUGE_DIR/nr_hugepages")" 8
rm -r "$SETUP_HUGE_DIR"
out=$( (setup_hugepages) 2>&1) && fail "a kernel without hugepages passes"
grep -q '^error: this kernel has no 2 MB hugepages' <<<"$out" || fail "no hugepages: $out"

say_step "instructions of the CPU"
echo 'flags : fpu aes avx pclmulqdq' >"$SETUP_CPUINFO"
assert_eq "what a good CPU says" "$(setup_cpu)" ""
for flag in aes avx pclmulqdq; do
	echo "flags : $(tr ' ' '\n' <<<'fpu avx2 aes avx pclmulqdq' | grep -vx $flag | paste -s -d ' ')" >"$SETUP_CPUINFO"
	out=$( (setup_cpu) 2>&1) && fail "a CPU without $flag passes"
	grep -q "^error: this CPU (or virtual machine) has no ${flag^^} instructions" <<<"$out" || fail "no $flag: $out"
done
test_done
