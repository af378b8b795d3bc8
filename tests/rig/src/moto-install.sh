#!/usr/bin/env bash
# Installs moto, the EC2 emulator that plugins/ebs is tested against: python3-moto of Debian trixie (it is not in bookworm),
# which has no architecture and runs on bookworm's Python. The machine's own apt configuration is not touched.
# Run as root. Nothing happens when /usr/bin/moto_server is there already.
set -euo pipefail
[ -x /usr/bin/moto_server ] && exit 0
export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,etc/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d}}
cp /usr/share/keyrings/debian-archive-keyring.gpg "$work/etc/trusted.gpg.d/"
touch "$work/status"
mirror=$(awk '/^URIs:/{print $2;exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '/^deb /{for(i=2;i<=NF;i++) if ($i ~ /:\/\//){print $i;exit}}' /etc/apt/sources.list)
echo "deb $mirror trixie main" >"$work/etc/sources.list"
cat >"$work/apt.conf" <<C
Dir::State "$work/state"; Dir::State::status "$work/status"; Dir::Cache "$work/cache"; Dir::Etc "$work/etc";
Dir::Etc::sourcelist "$work/etc/sources.list"; Dir::Etc::sourceparts "$work/etc/sources.list.d";
Dir::Etc::trustedparts "$work/etc/trusted.gpg.d"; Acquire::Languages "none";
C
(cd "$work" && APT_CONFIG="$work/apt.conf" apt-get update -qq && APT_CONFIG="$work/apt.conf" apt-get download -qq python3-moto)
# python3-flask-cors is not among its dependencies, and its server needs it.
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$work"/python3-moto_*.deb python3-flask-cors python3-yaml
[ -x /usr/bin/moto_server ]
