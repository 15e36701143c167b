# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""How a host that boots by itself gets its own files: from a small second disk, before its init starts."""

from __future__ import annotations

# The disk's serial number: an ext4 file system without partitions, whose tree is laid over the host's.
SERIAL = "identity"
# In that tree: one line that names its contents, kept in the host as the sign that they were taken over.
MARKER = "etc/virtual-host-identity"
_TAKE = "usr/local/lib/virtual-host/take-identity"
# Runs before udev's part of init-bottom takes /dev away. A disk that has no serial number has an empty one.
_HOOK = f"""\
#!/bin/sh
case "$1" in
prereqs)
  exit 0
  ;;
esac

find_identity() {{
  for serial in /sys/block/vd*/serial; do
    if [ "$(cat "$serial")" = {SERIAL} ]; then
      disk=${{serial%/serial}}
      disk=/dev/${{disk##*/}}
      return 0
    fi
  done
  return 1
}}

disk=
# Only a host that has no identity yet waits for a disk that may not be there.
if ! find_identity && ! [ -e "$rootmnt/{MARKER}" ]; then
  udevadm settle
  find_identity
fi
[ -n "$disk" ] || exit 0
if mount -o ro -t ext4 "$disk" "$rootmnt/mnt"; then
  # The root has no devices yet, so what is to be said is said here.
  chroot "$rootmnt" /{_TAKE} /mnt 2>&1 | while read -r line; do
    echo "<3>virtual-host: $line" >/dev/kmsg
  done
  umount "$rootmnt/mnt"
else
  echo "<3>virtual-host: the identity disk cannot be mounted" >/dev/kmsg
fi
"""
_TAKE_SCRIPT = f"""\
#!/bin/bash
# Lays the files of the identity disk into this host, once; the marker is laid last.
set -eu -o pipefail
trap 'echo "the identity disk was not taken over"' ERR
identity=$1
marker=/{MARKER}
if ! [ -s "$identity$marker" ]; then
  echo "the identity disk has no $marker"
  exit
fi
if [ -e "$marker" ]; then
  [ "$(<"$identity$marker")" = "$(<"$marker")" ] || echo "the identity disk is not the first boot's: it is left alone"
  exit
fi
tar -C "$identity" --exclude=./lost+found --exclude=".$marker" -cf - . | tar -C / --no-overwrite-dir -xf -
sync
cp "$identity$marker" "$marker"
"""
EARLY_FILES: dict[str, tuple[str, int]] = {
    "etc/initramfs-tools/scripts/local-bottom/virtual-host-identity": (_HOOK, 0o755),
}
FILES: dict[str, tuple[str, int]] = {_TAKE: (_TAKE_SCRIPT, 0o755)}
