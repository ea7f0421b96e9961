#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The structure that style rules promise: licences, include directions, banned calls, tests that the
# wildcards find. Then each rule is shown a file that breaks it.
set -eu
cd "$(dirname "$0")/../.."
tools/check-style license includes rooms calls typedefs tests_found bpf_names

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir -p "$room"/{tools/sluice-gen,bpf,tests/misplaced}
mkdir -p "$room"/user/{base,core/memory,rows,edge/unheard,engine/worker}
cp tools/check-style "$room/tools/"
cd "$room"
git init -q .
spdx='/* SPDX-License-Identifier: BSD-2-Clause */'

# expect RULE FILE TEXT MESSAGE: the rule finds the fault in a file that has only this one.
expect() {
	local rule=$1 file=$2 message=$4 found
	printf '%s\n' "$spdx" "$3" >"$file"
	if found=$(tools/check-style "$rule"); then
		echo "rule $rule did not notice: $3"
		exit 1
	fi
	if ! grep -qF "$file:" <<<"$found" || ! grep -qF "$message" <<<"$found"; then
		echo "rule $rule said: $found; wanted: $message"
		exit 1
	fi
	rm "$file"
}

echo '# SPDX-License-Identifier: BSD-2-Clause' >Makefile
expect license bpf/a.bpf.c 'int x;' 'OR GPL-2.0-only'
expect includes user/base/a.c '#include "core/stream/stream.h"' 'user/base may not include core/stream/stream.h'
expect includes user/core/a.c '#include "edge/uring.h"' 'user/core may not include edge/uring.h'
expect includes user/core/a.h '#include <time.h>' 'the pure core may not include time.h'
expect includes user/engine/a.c '#include <liburing.h>' 'only user/edge may include liburing.h'
expect includes user/engine/a.c '#include "sluice.skel.h"' 'only user/edge may include sluice.skel.h'
expect rooms user/core/memory/a.c '#include "core/pane/pane.h"' 'core/memory may not include core/pane/pane.h'
expect rooms user/engine/worker/a.c '#include "engine/report/report.h"' 'the room engine/worker may not include'
expect rooms user/edge/unheard/a.c 'int x;' 'no line for the room edge/unheard'
expect includes user/rows/a.c '#include "edge/uring.h"' 'user/rows may not include edge/uring.h'
expect includes tools/sluice-gen/a.c '#include "core/group/groups.h"' 'the truth shares no code'
expect calls user/base/a.c 'void f(char *a) { strcpy(a, "b"); }' 'a banned call'
expect typedefs user/base/a.h 'typedef struct a a;' 'no typedef'
expect tests_found tests/misplaced/test_a.c 'int x;' 'no wildcard finds this test'
expect bpf_names bpf/maps.bpf.h '} sluice_much_too_long SEC(".maps");' 'more than 15 characters'
expect columns user/base/a.c "$(printf '\tint x; /* %090d */' 0)" 'columns; 100 are allowed'
expect function_lengths user/base/a.c "$(printf 'int f(void)\n{\n'; yes '	g();' | head -n 61; printf '}')" \
	'f has 61 lines'
