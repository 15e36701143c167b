# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The maintainer scripts of libvirt: what those of Debian's packages do that matters."""

from __future__ import annotations

from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import (
    BESIDE,
    REPLACE,
    Layout,
)

# In the order in which they are started. Those for other hosts are switched on by whoever wants them.
_SOCKETS = (
    "virtlockd.socket",
    "virtlockd-admin.socket",
    "virtlogd.socket",
    "virtlogd-admin.socket",
    "libvirtd.socket",
    "libvirtd-ro.socket",
    "libvirtd-admin.socket",
)
_SERVICES = ("libvirtd.service", "virtlockd.service", "virtlogd.service")
_FOR_OTHER_HOSTS = ("libvirtd-tls.socket", "libvirtd-tcp.socket")
_GUESTS = "libvirt-guests.service"

_POSTINST = """\
#!/bin/sh
set -e

# As Debian does it: the same numbers on every host, where they are free; images on shared storage are owned by number.
add_user_and_groups() {
    getent group kvm >/dev/null || addgroup --quiet --system kvm
    getent group libvirt >/dev/null || addgroup --quiet --system libvirt
    if ! getent passwd libvirt-qemu >/dev/null; then
        uid=
        getent passwd 64055 >/dev/null || uid='--uid 64055'
        adduser --quiet --system --ingroup kvm --disabled-login --home /var/lib/libvirt --no-create-home \\
            --comment 'Libvirt Qemu' $uid libvirt-qemu
    fi
    if ! getent group libvirt-qemu >/dev/null; then
        gid=
        getent group 64055 >/dev/null || gid='--gid 64055'
        addgroup --quiet --system $gid libvirt-qemu
    fi
    adduser --quiet libvirt-qemu libvirt-qemu
}

# own OWNER MODE PATH, unless the site has said otherwise
own() {
    dpkg-statoverride --list "$3" >/dev/null 2>&1 && return
    [ ! -e "$3" ] || { chown "$1" "$3"; chmod "$2" "$3"; }
}

if [ "$1" = configure ]; then
    add_user_and_groups
    own root:root 0711 %(state)s/lib/libvirt/images
    own root:root 0711 %(state)s/lib/libvirt/boot
    own root:root 0711 %(state)s/cache/libvirt
    own root:root 0711 %(state)s/cache/libvirt/qemu
    own libvirt-qemu:libvirt-qemu 0750 %(state)s/lib/libvirt/qemu
    own root:root 0600 %(configuration)s/libvirt/qemu.conf
    # What another libvirt found out about QEMU is not what this one asks for.
    rm -f %(state)s/cache/libvirt/qemu/capabilities/*.xml
    for profile in %(profiles)s; do
        mkdir -p /etc/apparmor.d/local
        [ -e "/etc/apparmor.d/local/$profile" ] || install --mode=644 /dev/null "/etc/apparmor.d/local/$profile"
        if aa-enabled --quiet 2>/dev/null; then
            apparmor_parser -r -T -W "/etc/apparmor.d/$profile" || true
        fi
    done
fi

for unit in %(enabled)s; do
    if deb-systemd-helper --quiet was-enabled "$unit"; then
        deb-systemd-helper enable "$unit" >/dev/null || true
    else
        deb-systemd-helper update-state "$unit" >/dev/null || true
    fi
done

if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    # virtlogd and virtlockd run on as they are: guests' logs and locks hang on them.
    deb-systemd-invoke start %(sockets)s >/dev/null || true
    deb-systemd-invoke restart %(daemon_unit)s >/dev/null || true
fi
"""

_PRERM = """\
#!/bin/sh
set -e

if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop %(all)s >/dev/null || true
fi
"""

# Whoever takes this package's place has the same units, users and logs: only the last one takes them away. What the
# other one has not is switched off in any case.
_POSTRM = """\
#!/bin/sh
set -e

if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = purge ] && [ -x /usr/bin/deb-systemd-helper ]; then
    for unit in %(all)s; do
        [ -e "/usr/lib/systemd/system/$unit" ] || deb-systemd-helper purge "$unit" >/dev/null || true
    done
fi
if [ "$1" = purge ] && [ ! -e %(daemon)s ]; then
    for profile in %(profiles)s; do
        rm -f "/etc/apparmor.d/local/$profile" /var/cache/apparmor/*/"$profile"
    done
    rm -rf %(state)s/log/libvirt %(state)s/cache/libvirt/qemu/capabilities
    # What is beside the distribution's has its users from there.
    if [ %(daemon)s = %(last)s ] && [ ! -e %(beside)s ] && [ -x /usr/sbin/deluser ]; then
        getent passwd libvirt-qemu >/dev/null && deluser --quiet libvirt-qemu || true
        getent group libvirt-qemu >/dev/null && delgroup --quiet libvirt-qemu || true
        getent group libvirt >/dev/null && delgroup --quiet libvirt || true
    fi
fi
"""


def scripts(layout: Layout, profiles: list[str]) -> dict[str, str]:
    """The scripts by name; *profiles* are the AppArmor profiles of programs, files in /etc/apparmor.d."""
    guests = (_GUESTS,) if layout is REPLACE else ()

    def units(*names: str) -> str:
        return " ".join(f"{layout.units}{name}" for name in names)

    words = {
        "profiles": " ".join(sorted(profiles)),
        "enabled": units(*_SOCKETS, *_SERVICES, *guests),
        "sockets": units(*_SOCKETS),
        "all": units(*guests, *_FOR_OTHER_HOSTS, *_SOCKETS, *_SERVICES),
        "daemon_unit": units("libvirtd.service"),
        "daemon": layout.daemon,
        "last": REPLACE.daemon,
        "beside": BESIDE.daemon,
        "state": layout.state,
        "configuration": layout.configuration,
    }
    return {"postinst": _POSTINST % words, "prerm": _PRERM % words, "postrm": _POSTRM % words}
