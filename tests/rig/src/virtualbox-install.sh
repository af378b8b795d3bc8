#!/usr/bin/env bash
# Installs VirtualBox's userland (VBoxManage, VBoxSVC, vboxwebsrv) for the tests of plugins/virtualbox: Debian has it in sid's
# contrib only, whose libraries are newer than this system's, so it goes into a directory tree of its own. No kernel module, no
# display, no maintainer script; the machine's own apt configuration and packages are not touched. Run as root.
# Prints "UNAVAILABLE upstream: why" and ends with 3 when the distribution cannot give the packages today.
set -euo pipefail
target=${1:-/opt/rexray-test/virtualbox}
[ -x "$target/usr/lib/virtualbox/VBoxManage" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
unavailable() { echo "UNAVAILABLE upstream: $*"; exit 3; }

mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$(dirname "$target")/.virtualbox-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,etc/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d},debs,root}
cp /usr/share/keyrings/debian-archive-keyring.gpg "$work/etc/trusted.gpg.d/"
: >"$work/status"
mirror=$(awk '/^URIs:/{print $2;exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '/^deb /{for(i=2;i<=NF;i++) if ($i ~ /:\/\//){print $i;exit}}' /etc/apt/sources.list)
echo "deb $mirror sid main contrib" >"$work/etc/sources.list"
cat >"$work/apt.conf" <<C
Dir::State "$work/state"; Dir::State::status "$work/status"; Dir::Cache "$work/cache"; Dir::Etc "$work/etc";
Dir::Etc::sourcelist "$work/etc/sources.list"; Dir::Etc::sourceparts "$work/etc/sources.list.d";
Dir::Etc::trustedparts "$work/etc/trusted.gpg.d"; Acquire::Languages "none"; Acquire::Retries "2"; Acquire::Check-Valid-Until "false";
APT::Install-Recommends "false"; APT::Sandbox::User "root"; APT::Get::Assume-Yes "true"; Debug::NoLocking "true";
C
export APT_CONFIG="$work/apt.conf"
apt-get update -qq 2>"$work/said" || unavailable "sid cannot be read ($(tail -n1 "$work/said"))"
apt-cache show --no-all-versions virtualbox >"$work/virtualbox" 2>/dev/null || unavailable "sid has no package virtualbox"

# Of what it depends on, the libraries that the three programs link; those for windows and remote display are left out.
mapfile -t libraries < <(sed -n 's/^Depends: //p' "$work/virtualbox" | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//; s/ //g' |
  grep '^lib' | grep -vE "^lib(gl1|sdl|x11|xt6|xcursor|vncserver|tpms|jpeg)")
[ "${#libraries[@]}" -gt 0 ] || unavailable "the dependencies of virtualbox cannot be read"
(cd "$work/debs" && apt-get -qq --download-only -o Dir::Cache::archives="$work/debs" install "${libraries[@]}" >/dev/null 2>"$work/said") ||
  unavailable "its libraries cannot be resolved ($(tail -n1 "$work/said"))"
(cd "$work/debs" && apt-get -qq download virtualbox 2>"$work/said") || unavailable "virtualbox cannot be fetched ($(tail -n1 "$work/said"))"

root="$work/root"
mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{etc,tmp,proc,dev,root,run,work}
for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
chmod 755 "$root"
chmod 1777 "$root/tmp"
for deb in "$work"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/virtualbox/nls/*'
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
while read -r name minor; do mknod -m 666 "$root/dev/$name" c 1 "$minor"; done <<'N'
null 3
zero 5
random 8
urandom 9
N
if [ -x "$root/sbin/ldconfig" ]; then chroot "$root" /sbin/ldconfig; fi
# It needs /proc, as it will have: without it nothing of VirtualBox starts. VBoxSVC, which the second call starts, ends by itself.
mount -t proc proc "$root/proc"
vbox() { env -i HOME=/root USER=root VBOX_USER_HOME=/run/vb LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin timeout 60 chroot "$root" /usr/lib/virtualbox/VBoxManage "$@"; }
version=$(vbox --version 2>&1 | tail -n1) || true
works=$(vbox list vms 2>&1) && works="" || works=$(tail -n1 <<<"$works")
for process in /proc/[0-9]*; do
  if [ "$(readlink "$process/root" 2>/dev/null)" = "$root" ]; then kill "${process#/proc/}" 2>/dev/null || true; fi
done
for _ in $(seq 50); do umount "$root/proc" 2>/dev/null && break; sleep 0.1; done
rm -rf "$root"/run/vb "$root"/tmp/.vbox* "$root"/tmp/.VBox*
[ -z "$works" ] && [[ $version =~ ^[0-9]+\.[0-9]+ ]] || unavailable "VirtualBox of sid does not start ($version $works)"
rm -rf "$target"
mv "$root" "$target"
echo "VirtualBox $version in $target"
