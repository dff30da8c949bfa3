#!/bin/bash
# Executes the scripts of standard input in networks of its own:
#
#   sides.sh kernel|tapir SETTLE-MS
#
# The peer is a kernel's at 192.0.2.1; the calls are made at 192.0.2.2, by the
# kernel of another namespace or by a stack. Wants to be root, as in a lab.
set -u
kind=$1
settle=$2
calls=${B:-build}/tests/live/calls

if [ "${3-}" != inside ]; then
    exec unshare --net bash "$0" "$kind" "$settle" inside
fi

place=$(mktemp -d) || exit 1
# shellcheck disable=SC2046 # words
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$place"' EXIT

has_left()
{
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# interface NAME ADDRESS COMMAND...: up, with IPv4 alone.
interface()
{
    local name=$1 addr=$2
    shift 2
    "$@" sh -c "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6" 2>/dev/null
    "$@" ip link set lo up
    "$@" ip addr add "$addr/24" broadcast 192.0.2.255 dev "$name" &&
        "$@" ip link set "$name" up
}

if [ "$kind" = kernel ]; then
    unshare --net sleep 1000 &
    other=$!
    until has_left "$other"; do sleep 0.01; done
    ip link add tap0 type veth peer name tap1 &&
        ip link set tap1 netns "$other" name tap0 &&
        interface tap0 192.0.2.2 nsenter --net --target "$other" &&
        nsenter --net --target "$other" ip route add default via 192.0.2.1 &&
        nsenter --net --target "$other" \
            sh -c "echo 0 0 >/proc/sys/net/ipv4/ping_group_range
                   echo 0 >/proc/sys/net/ipv4/icmp_ratelimit" || exit 1
    run=(nsenter --net --target "$other" "$calls-kernel")
else
    ip tuntap add tap0 mode tap || exit 1
    run=("$calls")
fi
interface tap0 192.0.2.1 env || exit 1
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit

"$calls-kernel" peer "$place/peer" &
until [ -S "$place/peer" ]; do sleep 0.01; done
"${run[@]}" run "$place/peer" "$settle"
