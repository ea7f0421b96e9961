#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tools/check-static looks at a source once, and again after whatever it is judged by has changed; what
# was found wrong is found wrong again. A stand-in for clang-tidy counts what it is asked.
set -eu
cd "$(dirname "$0")/../.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir -p "$room"/{tools,bin,user/base,include}
cp tools/check-static "$room/tools/"
cd "$room"
git init -q .

cat >bin/clang-tidy <<'STAND_IN'
#!/bin/sh
[ "$1" = --version ] && exec cat version
echo "$@" >>asked
! grep -q wrong user/base/a.c
STAND_IN
printf '#!/bin/sh\n' >bin/shellcheck
chmod +x bin/*
export PATH=$room/bin:$PATH

echo '#include "base/a.h"' >user/base/a.c
echo 'int a;' >user/base/a.h
echo 'Checks: some' >.clang-tidy
echo 14 >version

# expect STATUS TIMES WHY: check-static ends with the status, and clang-tidy was asked this often.
expect() {
	local status=0 times
	: >asked
	tools/check-static user/base/a.c tests/unit/base/test_a.c >said || status=$?
	times=$(wc -l <asked)
	if [ "$status" -ne "$1" ] || [ "$times" -ne "$2" ]; then
		echo "$3: exit $status, asked $times times; wanted $1 and $2"
		exit 1
	fi
}

expect 0 1 'the first time'
expect 0 0 'nothing has changed'
echo 'int b;' >user/base/a.h
expect 0 1 'a header has changed'
echo '// NOLINT' >>user/base/a.h
expect 0 1 'a comment that clang-tidy may read has changed'
echo 'Checks: others' >.clang-tidy
expect 0 1 'the checks have changed'
echo 15 >version
expect 0 1 'clang-tidy has changed'
expect 0 0 'nothing has changed since'
echo 'int wrong;' >>user/base/a.c
expect 1 1 'a fault'
expect 1 1 'the fault is still there'
sed -i '/wrong/d' user/base/a.c
expect 0 0 'the source is what it was'
