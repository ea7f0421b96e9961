#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The test runner counts what it should: a tree of tests that pass, fail, skip, hang, die and stop early
# goes in, the last line and the exit status are compared.
set -eu
cd "$(dirname "$0")/../.."
runner=$PWD/tests/run
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir -p "$room"/tests/{e2e,unit/base} "$room"/build/tests/unit/base
cp "$runner" "$room/tests/run"
cd "$room"

# program NAME TEXT: a built unit test that says TEXT and ends with its last word as status.
program() {
	touch "tests/unit/base/test_$1.c"
	printf '#!/bin/bash\n%s\n' "$2" >"build/tests/unit/base/test_$1"
	chmod +x "build/tests/unit/base/test_$1"
}
# cases RUN PASSED FAILED SKIPPED STATUS: what a cmocka program prints.
cases() {
	echo "echo '[==========] Running $1 test(s).'; echo '[==========] $1 test(s) run.'"
	echo "echo '[  PASSED  ] $2 test(s).'"
	[ "$4" -eq 0 ] || echo "echo '[  SKIPPED ] $4 test(s), listed below:'"
	[ "$3" -eq 0 ] || echo "echo '[  FAILED  ] $3 test(s), listed below:'"
	echo "exit $5"
}
# expect LAST_LINE STATUS [ENVIRONMENT…]
expect() {
	local want=$1 want_status=$2 out status=0
	shift 2
	out=$(env -u CI SLUICE_FUZZ_SECONDS=0 "$@" bash tests/run) || status=$?
	if [ "$(tail -n 1 <<<"$out")" != "$want" ] || [ "$status" -ne "$want_status" ]; then
		echo "wanted \"$want\" and $want_status, got $status and:"
		echo "$out"
		exit 1
	fi
}

program good "$(cases 3 3 0 0 0)"
expect '3 passed, 0 failed' 0
echo 'exit 0' >tests/e2e/good.sh
expect '4 passed, 0 failed' 0
program partly "$(cases 3 2 0 1 0)"
expect '6 passed, 0 failed, 1 skipped' 0
expect '6 passed, 1 failed' 1 CI=true
echo 'exit 77' >tests/e2e/skipped.sh
expect '6 passed, 0 failed, 2 skipped' 0
program bad "$(cases 3 1 2 0 2)"
expect '7 passed, 2 failed, 2 skipped' 1
program bad 'kill -SEGV $$'
expect '6 passed, 1 failed, 2 skipped' 1
program bad "echo '[==========] Running 3 test(s).'; exit 0"
expect '6 passed, 1 failed, 2 skipped' 1
printf '# timeout-seconds: 1\nsleep 30\n' >tests/e2e/hangs.sh
program bad "$(cases 1 1 0 0 0)"
expect '7 passed, 1 failed, 2 skipped' 1
rm tests/e2e/hangs.sh
touch tests/unit/base/test_forgotten.c
expect '7 passed, 1 failed, 2 skipped' 1
