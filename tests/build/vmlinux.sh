#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The committed kernel types agree with the running kernel, and a wrong constant is noticed.
set -eu
cd "$(dirname "$0")/../.."
tools/make-vmlinux --check

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir "$room/tools" "$room/vmlinux"
cp tools/make-vmlinux "$room/tools/"
sed 's/XDP_DROP = 1/XDP_DROP = 2/' vmlinux/vmlinux.h >"$room/vmlinux/vmlinux.h"
if "$room/tools/make-vmlinux" --check 2>/dev/null; then
	echo "a wrong constant was not noticed"
	exit 1
fi
