#!/bin/busybox sh
# The first process of a machine that `cargo xtask kernels` boots: it runs the tests that are listed in /tests/order on the
# kernel that it finds itself on. There are no users and no groups here, as in a container image of one program.
/bin/busybox mkdir -p /proc /sys /dev /run /tmp
/bin/busybox --install -s /bin
export PATH=/bin PORTGUARD=/bin/portguard RUST_BACKTRACE=0 RUST_TEST_THREADS=1 NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t bpf bpf /sys/fs/bpf
while read -r module; do
    insmod "/modules/$module" || echo "machine: cannot load $module"
done </modules/order
ip link set lo up
portguard doctor
echo "machine: portguard doctor: $?"
while read -r program names; do
    # The names are words of their own.
    # shellcheck disable=SC2086
    "/tests/$program" --exact $names </dev/null
    echo "machine: $program: $?"
done </tests/order
echo "machine: done"
poweroff -f
