#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What `make install` copies works from where it lies, stripped, with its completions and manual; nothing
# goes outside of a PREFIX of one's own; `make uninstall` leaves nothing of it.
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

for shell in bash-completion/completions/sluice zsh/site-functions/_sluice \
	fish/vendor_completions.d/sluice.fish; do
	grep -q status "$room/usr/share/$shell"
done
bash -n "$room/usr/share/bash-completion/completions/sluice"

# Debug information lies apart, where a debugger looks by the path of the program.
for program in sbin/sluice bin/sluice-gen; do
	debug=$room/usr/lib/debug/usr/$program.debug
	! readelf -S --wide "$room/usr/$program" | grep -qE '\.(debug_info|symtab)'
	readelf -S --wide "$debug" 2>/dev/null | grep -q '\.debug_info'
	readelf --string-dump=.gnu_debuglink "$room/usr/$program" | grep -q "${program##*/}.debug"
	readelf -n "$room/usr/$program" "$debug" 2>/dev/null | grep 'Build ID' >"$room/ids"
	[ "$(wc -l <"$room/ids")" = 2 ] && [ "$(sort -u "$room/ids" | wc -l)" = 1 ]
	rm "$room/ids"
done

# A configuration in use is not ours to remove.
echo 'mine' >"$room/etc/sluice/sluice.yaml"
make uninstall DESTDIR="$room" PREFIX=/usr >/dev/null
left=$(find "$room" -type f)
if [ "$left" != "$room/etc/sluice/sluice.yaml" ]; then
	echo "left behind: $left"
	exit 1
fi
[ ! -e "$room/usr/include/sluice" ]
left=$(cd "$room/usr" && find . -mindepth 2 ! -path './share/man*' -printf '%p ')
[ -z "$left" ] || { echo "directories left behind: $left"; exit 1; }

# A PREFIX of one's own: nothing outside of it, unless SYSCONFDIR says so, and no empty directory after.
make install DESTDIR="$room/stage" PREFIX=/opt/own >/dev/null
outside=$(find "$room/stage" ! -type d ! -path "$room/stage/opt/own/*")
[ -z "$outside" ] || { echo "outside of PREFIX: $outside"; exit 1; }
test -s "$room/stage/opt/own/etc/sluice/sluice.yaml.example"
grep -q '^ExecStart=/opt/own/sbin/sluice run -c /opt/own/etc/sluice/sluice.yaml$' \
	"$room/stage/opt/own/lib/systemd/system/sluice.service"
echo 'mine' >"$room/stage/opt/own/share/mine"
make uninstall DESTDIR="$room/stage" PREFIX=/opt/own >/dev/null
left=$(cd "$room/stage/opt/own" && find . -mindepth 1 | sort | xargs)
[ "$left" = "./share ./share/mine" ] || { echo "left behind: $left"; exit 1; }
make install DESTDIR="$room/stage" PREFIX=/opt/own SYSCONFDIR=/conf >/dev/null
test -s "$room/stage/conf/sluice/sluice.yaml.example"
make uninstall DESTDIR="$room/stage" PREFIX=/opt/own SYSCONFDIR=/conf >/dev/null
[ ! -e "$room/stage/conf/sluice" ]
