# One power cut, in a mount namespace of its own (so that no other copies its mounts): the disk comes up, a process works
# on it until it cuts the power, the disk comes up again in another boot, a process audits.
# IMAGE, MNT, BOOT: the disk, its mountpoint, a file with the next boot id. NODE, VICTIM, ORDER, AUDIT, QUESTION: programs and their input.
set -e

# Nobody lives through a power cut: neither who thaws what the victim froze, and has it open until then (S16), nor a child
# that the death of its parent has not reached yet. All of them are in this mount namespace.
id=$(readlink /proc/self/ns/mnt | tr -dc 0-9)
any_ended() {
  some=1
  for p in $(find /proc/[0-9]*/ns/mnt -lname "mnt:?$id?" -printf '%h\n' 2>/dev/null); do
    p=${p#/proc/}
    p=${p%/ns}
    [ "$p" = $$ ] || ! kill -KILL "$p" 2>/dev/null || some=0
  done
  return $some
}

# The last file of a dead process is closed a moment after it. A frozen one would keep its device.
take_off() {
  fsfreeze --unfreeze "$1" 2>/dev/null || true
  for _ in $(seq 50); do
    said=$(umount "$1" 2>&1) && return 0
    sleep 0.1
  done
  printf '%s\n' "$said" >&2
  return 1
}

# This namespace began with a copy of every mount there was, by which other tests' volumes would be in use.
awk '/ - [a-z0-9]+ \/dev\/loop/ && $5 != "/" { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null || true

mount -o loop,nouuid "$IMAGE" "$MNT"
told=$(printf '%s\n' "$ORDER" | "$NODE" "$VICTIM" || true)
if [ -n "$told" ]; then
  printf '%s\n' "$told"
  exit 0
fi
while any_ended; do sleep 0.02; done
cut -d' ' -f5 /proc/self/mountinfo | grep "^$MNT/" | sort -r | while read -r m; do take_off "$m" || exit 1; done
losetup -l -n -O NAME,BACK-FILE | awk -v p="$MNT/" 'index($2, p) == 1 { print $1 }' | xargs -r -n1 losetup -d
take_off "$MNT"
mount -o loop,nouuid "$IMAGE" "$MNT"
mount --bind "$BOOT" /proc/sys/kernel/random/boot_id
exec "$NODE" "$AUDIT" "$QUESTION"
