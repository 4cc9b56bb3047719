#!/bin/sh
# Turns a minimal Debian into the root of a kind node: what kind's images/base/Dockerfile does, without a container build.
# $1: the root folder.
set -eu
root=$1

# Services that make no sense in a container; kubelet and containerd are enabled by the layer above.
rm -f "$root"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
rm -f "$root"/lib/systemd/system/multi-user.target.wants/*
rm -f "$root"/etc/systemd/system/*.wants/*
rm -f "$root"/lib/systemd/system/local-fs.target.wants/*
rm -f "$root"/lib/systemd/system/sockets.target.wants/*udev*
rm -f "$root"/lib/systemd/system/sockets.target.wants/*initctl*
rm -f "$root"/lib/systemd/system/basic.target.wants/*
# it registers things kernel-wide
ln -s /dev/null "$root"/etc/systemd/system/systemd-binfmt.service
echo "ReadKMsg=no" >> "$root"/etc/systemd/journald.conf
ln -sf /usr/lib/systemd/systemd "$root"/sbin/init

# kind and kubelet look for these where the projects' own releases put them
mkdir -p "$root"/opt/cni "$root"/etc/kubernetes/manifests "$root"/etc/containerd
ln -s /usr/lib/cni "$root"/opt/cni/bin
ln -s ../../bin/containerd "$root"/usr/local/bin/containerd
ln -s ../../bin/ctr "$root"/usr/local/bin/ctr

# the runtime specification of every container: with kind's hook, without limits that a user namespace may not raise
chroot "$root" sh -c 'ctr oci spec \
    | jq ".hooks.createContainer[.hooks.createContainer | length] |= . + {\"path\": \"/kind/bin/mount-product-files.sh\"}" \
    | jq "del(.process.rlimits)" > /etc/containerd/cri-base.json'
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/etc/machine-id
