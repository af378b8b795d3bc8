# One power cut, in a mount namespace of its own (so that no other copies its mounts): the disk comes up, a process works
# on it until it cuts the power, the disk comes up again in another boot, a process audits.
# IMAGE, MNT, BOOT: the disk, its mountpoint, a file with the next boot id. NODE, VICTIM, ORDER, AUDIT, QUESTION: programs and their input.
set -e
mount -o loop,nouuid "$IMAGE" "$MNT"
told=$(printf '%s\n' "$ORDER" | "$NODE" "$VICTIM" || true)
if [ -n "$told" ]; then
  printf '%s\n' "$told"
  exit 0
fi
cut -d' ' -f5 /proc/self/mountinfo | grep "^$MNT/" | sort -r | while read -r m; do umount "$m"; done || true
losetup -l -n -O NAME,BACK-FILE | awk -v p="$MNT/" 'index($2, p) == 1 { print $1 }' | xargs -r -n1 losetup -d
umount "$MNT"
mount -o loop,nouuid "$IMAGE" "$MNT"
mount --bind "$BOOT" /proc/sys/kernel/random/boot_id
exec "$NODE" "$AUDIT" "$QUESTION"
