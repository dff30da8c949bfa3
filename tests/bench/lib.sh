# shellcheck shell=bash
# What the benchmarks share; each sources it inside of its lab.

bulk=$B/tests/bench/bulk

# Ends with a word if something is not built, then starts anew in a lab.
enter_lab()
{
    if [ ! -x "$bulk" ] || [ ! -x "$bulk-kernel" ] || [ ! -x "$B/tapir" ]; then
        echo "make build-tests first; it makes $bulk" >&2
        exit 1
    fi
    BENCH_INSIDE=yes exec "$B/tapir" lab -- "$@"
}

# check_settings [--set NAME=VALUE]...: what the stack would not take is told at
# once, by itself: it looks at its settings before it looks for its device.
check_settings()
{
    local why
    [ $# -gt 0 ] || return 0
    why=$("$bulk" --dev unix:/ "$@" 2>&1)
    case $why in
    *--set*)
        echo "$why" >&2
        exit 2
        ;;
    esac
}

# Inside: names for network namespaces, in the lab's own mounts, and a folder
# that goes with us.
make_room()
{
    folder=$(mktemp -d) && work=$folder || exit 1
    trap 'rm -rf "$folder"; release' EXIT
    trap 'exit 130' INT TERM
    mount -t tmpfs none /run && mkdir -p /run/netns || exit 1
}

# The same for what is measured over a wire.
begin_lab()
{
    make_room
    chrt -f 1 true 2>/dev/null ||
        echo 'note: not root, so the wire has no priority: expect void runs' >&2
    stay_awake
}

# A virtual processor that has nothing to do is given to other guests, and it
# takes milliseconds to get it back: the greatest part of all void runs. So
# each is kept busy with what gives way to everything else at once. (The kernel
# may share out processors among sessions first: it has one of its own, which
# counts for little.)
stay_awake()
{
    local processor
    grep -qw hypervisor /proc/cpuinfo || return
    for ((processor = 0; processor < $(nproc); processor++)); do
        # nobody's job: no run waits for it, and it ends with the lab
        (setsid chrt --idle 0 taskset -c "$processor" bash -c '
            echo 19 >/proc/self/autogroup
            while :; do :; done' >/dev/null 2>&1 &)
    done
}

# hold WHAT: $hold, if there is such a name, exists until release, so that other
# work on the machine may wait; for what is under way by then we wait. That work
# runs as
#   while [ -e FILE ]; do sleep 1; done; flock --shared FILE.lock COMMAND
hold()
{
    [ "${hold-}" ] && [ -z "${held-}" ] || return 0
    echo "$*" >"$hold"
    exec {held}>>"$hold.lock" && flock "$held"
}

release()
{
    [ "${held-}" ] || return 0
    rm -f "$hold"
    exec {held}>&-
    held=
}

# make_kernel NAME: a network namespace with a TAP device for a wire.
make_kernel()
{
    ip netns add "$1" &&
        ip -n "$1" link set lo up &&
        ip -n "$1" tuntap add tap0 mode tap &&
        ip -n "$1" link set tap0 txqueuelen 20000 || exit 1
    ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip netns exec "$1" sysctl -qw net.ipv4.tcp_no_metrics_save=1
    share_work "$1"
}

# What the kernel does with a packet from the wire it does within the wire's
# write, unless another processor is told to: then the wire has the first one
# for itself, and a kernel has to wait for the others as a stack does.
share_work()
{
    local others=$(((1 << ($(nproc) < 32 ? $(nproc) : 32)) - 2))
    [ "$others" -gt 0 ] || return
    # shellcheck disable=SC2016 # for the inner shell
    ip netns exec "$1" sh -c 'printf "%x" "$0" >"$1"' "$others" \
        /sys/class/net/tap0/queues/rx-0/rps_cpus 2>/dev/null
}

# run_wire ARGUMENTS...: on the first processor
run_wire()
{
    exec taskset -c 0 "$B/tapir" wire --realtime "$@"
}

# address NAME DEVICE ADDRESS: which is then up.
address()
{
    ip -n "$1" addr add "$3/24" dev "$2" && ip -n "$1" link set "$2" up ||
        exit 1
}

# exec_stack COMMAND...: what a kernel does with a packet comes before all
# programs, so that of a stack's process does; but after the wire.
exec_stack()
{
    if chrt -f 1 true 2>/dev/null; then
        exec chrt -f 1 "$@"
    else
        exec "$@"
    fi
}

# set_buffers BYTES NAME...: what Linux may take for a connection.
set_buffers()
{
    local bytes=$1 name
    shift
    for name; do
        ip netns exec "$name" sysctl -qw \
            "net.ipv4.tcp_rmem=4096 131072 $bytes" \
            "net.ipv4.tcp_wmem=4096 16384 $bytes" || exit 1
    done
}

# bytes on the way at so many Mbit/s and ms of RTT
bdp_of()
{
    awk -v rate="$1" -v rtt="$2" 'BEGIN { printf "%d\n", rate * rtt * 125 }'
}

# bytes of a queue of so many BDP: queue_of BDP FACTOR; ten packets at least
queue_of()
{
    awk -v bdp="$1" -v factor="$2" 'BEGIN {
        bytes = bdp * factor
        printf "%d\n", bytes < 15140 ? 15140 : bytes
    }'
}

# wait_for_line WORD FILE
wait_for_line()
{
    local i
    for i in {1..100}; do
        grep -qs "$1" "$2" && return
        sleep 0.05
    done
    echo "nobody said '$1' (try $i)" >&2
    cat "$work"/*.log >&2
    return 1
}

# late_of RATE RTT: how many ms late a packet may be handed on before its run is
# void: what is little beside the round-trip time, or the time of four packets.
late_of()
{
    awk -v rate="$1" -v rtt="$2" 'BEGIN {
        late = rtt / 20
        if (late < 4 * 1514 * 8 / rate / 1000)
            late = 4 * 1514 * 8 / rate / 1000
        printf "%.3f\n", late < 2 ? 2 : late
    }'
}

# A run that cannot go on ends what it has started: give_up PID... Always 1.
give_up()
{
    kill "$@" 2>/dev/null
    wait "$@"
    return 1
}

# measure RUN ARGUMENTS...: a run whose status is 3 is void and is repeated,
# twice at most. Prints as it does, or "void -".
measure()
{
    local tries=0 result status
    while [ "$tries" -lt 3 ]; do
        tries=$((tries + 1))
        status=0
        result=$("$@" 2>"$work/why") || status=$?
        if [ "$status" = 0 ]; then
            echo "$result"
            return
        fi
        [ "$status" = 3 ] || cat "$work/why" >&2
    done
    echo "void -"
}

# "median least most" of the numbers on standard input
spread()
{
    grep '^[0-9]' | sort -n | awk '
        { value[NR] = $1 }
        END {
            if (NR == 0)
                print "- - -"
            else
                print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2,
                    value[1], value[NR]
        }'
}

number()
{
    if [ "$1" = - ]; then echo -; else printf '%.3g\n' "$1"; fi
}

# To standard output and to the file $out, if there is one.
say()
{
    echo "$*"
    [ -z "$out" ] || echo "$*" >>"$out"
}
