#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What `make install` copies works from where it lies, and `make uninstall` leaves no file of it.
set -eu
cd "$(dirname "$0")/../.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

make install DESTDIR="$room" PREFIX=/usr >/dev/null
(cd "$room" && find . -type f | sort)
"$room/usr/sbin/sluice" version
"$room/usr/bin/sluice-gen" --help >/dev/null
printf '#include <sluice/wire.h>\nint main(void) { return sizeof(struct sluice_header) != 40; }\n' |
	gcc -Wall -Werror -x c - -I"$room/usr/include" -o "$room/header"
"$room/header"
rm "$room/header"
test -s "$room/etc/sluice/sluice.yaml.example"
grep -q '^\.TH SLUICE 8' "$room/usr/share/man/man8/sluice.8"
grep -q '^\.TH SLUICE..GEN 1' "$room/usr/share/man/man1/sluice-gen.1"

# A configuration in use is not ours to remove.
echo 'mine' >"$room/etc/sluice/sluice.yaml"
make uninstall DESTDIR="$room" PREFIX=/usr >/dev/null
left=$(find "$room" -type f)
if [ "$left" != "$room/etc/sluice/sluice.yaml" ]; then
	echo "left behind: $left"
	exit 1
fi
[ ! -e "$room/usr/include/sluice" ]
