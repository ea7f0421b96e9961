#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tools/deps is silent when nothing is missing, names what is, and tells somebody without root the exact
# command. A compiler that finds no header stands for a machine without the packages.
set -eu
cd "$(dirname "$0")/../.."

out=$(tools/deps build run test 2>&1)
[ -z "$out" ] || { echo "something is missing here: $out"; exit 1; }

if out=$(CC=false tools/deps --check build 2>&1); then
	echo "missing headers were not noticed"
	exit 1
fi
grep -q 'missing for build: .*bpf/libbpf.h .*liburing.h' <<<"$out"

if [ "$(id -u)" -eq 0 ]; then
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
else
	as_nobody=()
fi
# Nobody may not be able to read this tree: the script goes in through standard input.
out=$("${as_nobody[@]}" env CC=false bash -s build <tools/deps 2>&1) && exit 1
grep -qE 'sudo apt-get update && sudo apt-get install -y .*libbpf-dev .*liburing-dev' <<<"$out" || {
	echo "no command to type in: $out"
	exit 1
}
