# shellcheck shell=bash
# What the live tests share; each sources it. See ../README.md.

# shellcheck disable=SC2034 # the tests use them
host=192.0.2.1
stack=192.0.2.2
apps=${B:-build}/apps
case ${TAPIR_LAB_DEVICES-} in # of the stack, and the kernel's side of it
packet:*) device=veth0 host_device=host0 ;;
*) device=tap0 host_device=tap0 ;;
esac

# All that a test writes; gone with it, as are the programs that it started.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export TAPIR_RUNTIME=$work/tapir # control sockets: of this test's stacks alone

# Says where, in the test's own file, and what the programs have said.
fail()
{
    local depth=0
    while [ "${BASH_SOURCE[depth]}" = "${BASH_SOURCE[0]}" ] &&
        [ -n "${BASH_SOURCE[depth + 1]-}" ]; do
        depth=$((depth + 1))
    done
    echo "FAILED: $0:${BASH_LINENO[depth - 1]}: $*"
    tail -n 50 "$work"/*.log 2>/dev/null
    exit 1
}

skip()
{
    echo "skipped: $*"
    exit 77
}

need()
{
    local command
    for command; do
        command -v "$command" >/dev/null || skip "there is no $command"
    done
}

need_tap()
{
    [ "$device" = tap0 ] || skip 'it is about TAP devices'
    [ -c /dev/net/tun ] || skip 'there is no /dev/net/tun'
    (: <>/dev/net/tun) 2>/dev/null || skip '/dev/net/tun cannot be opened'
}

# expect_status 2 COMMAND...: what it says is left in $work/said.
expect_status()
{
    local wanted=$1 status=0
    shift
    "$@" >"$work/said" 2>&1 </dev/null || status=$?
    [ "$status" = "$wanted" ] && return
    cat "$work/said"
    fail "exit status $status, not $wanted: $*"
}

# The output of the last expect_status has a line that matches.
expect_said()
{
    grep -q -- "$1" "$work/said" && return
    cat "$work/said"
    fail "nobody said '$1'"
}

expect_same()
{
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

random_file()
{
    head -c "$2" /dev/urandom >"$work/$1"
}

# until_done SECONDS COMMAND...: again and again, until it succeeds.
until_done()
{
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "never came: $*"
        sleep 0.1
    done
}

# start APP ARGUMENTS...: in the background; its number is in $started, and
# what it says in $work/APP.log.
start()
{
    local app=$1
    shift
    "$apps/$app" "$@" 2>"$work/$app.log" &
    started=$!
}

start_httpd()
{
    start httpd "$@"
    until_done 10 grep serving "$work/httpd.log"
}

# A stack that does nothing but answer.
start_echo()
{
    start echo
    until_done 10 grep serving "$work/echo.log"
}

# read_pcap FILE ARGUMENTS...: by tcpdump. As root it becomes another user, whom
# an ordinary user's lab does not have; there it must not be root in the first
# place.
read_pcap()
{
    tcpdump -n -r "$@" && return
    unshare --user tcpdump -n -r - "${@:2}" <"$1"
}

# No proxy of the user's may come between.
fetch_by_curl()
{
    curl --noproxy '*' --silent --show-error --max-time 60 "$@"
}

# kernel_listens PORT: some TCP socket of the host's is in LISTEN on it, or a
# UDP socket is bound to it and not connected.
kernel_listens()
{
    grep -q "$(printf ':%04X 00000000:0000 0[A7]' "$1")" \
        /proc/net/tcp /proc/net/udp
}

# A sanitizer in the shim wants to be there before the program, which was built
# without: gcc's is a library that can be, $sanitizer. It does not look for
# leaks, for the programs have their own.
sanitizer=
case $0 in
*/run-*.test | */multicast.test | */control.test | */ss.test)
    shim=${B:-build}/libtapir-preload.so
    sanitizer=$(ldd "$shim" | sed -n 's/.*=> \(.*libasan[^ ]*\).*/\1/p')
    if [ -z "$sanitizer" ] && grep -Eq '__[at]san_init' "$shim"; then
        skip 'this sanitizer cannot be put before other programs'
    fi
    export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
    ;;
esac

# start_under_tapir NAME PROGRAM ARGUMENTS...: an unmodified program on a stack
# of its own, in the background; what it says is in $work/NAME.log.
start_under_tapir()
{
    local name=$1
    shift
    LD_PRELOAD=$sanitizer "${B:-build}/tapir" run -- "$@" \
        >"$work/$name.log" 2>&1 </dev/null &
    started=$!
}

under_tapir()
{
    under_tapir_with -- "$@"
}

# under_tapir_with SETTING... -- PROGRAM ARGUMENTS...
under_tapir_with()
{
    LD_PRELOAD=$sanitizer "${B:-build}/tapir" run "$@"
}

# stack_listens PORT: a connection to the stack's port succeeds.
stack_listens()
{
    socat -u OPEN:/dev/null "TCP:$stack:$1,connect-timeout=1"
}

# start_kernel NAME PROGRAM ARGUMENTS...: the same program without Tapir.
start_kernel()
{
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 </dev/null &
    started=$!
}

# A key and its certificate for the host and the stack, $work/key.pem and
# $work/cert.pem.
make_certificate()
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tapir-test \
        -addext "subjectAltName=IP:$host,IP:$stack" \
        -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null ||
        fail 'openssl makes no certificate'
}
