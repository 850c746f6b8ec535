# Shared steps of scripts/run and scripts/test; sourced by them. Everything it tells goes to stderr.
# RTRAVE_PYTHON names the Python to use; without it the first fitting one is taken.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
torch_version=$(sed -n 's/^torch==//p' "$root/constraints.txt")
torch_index=https://download.pytorch.org/whl/cpu

tell() { printf 'rtrave: %s\n' "$*" >&2; }

fail() { tell "$@"; exit 1; }

# as_root COMMAND...: runs it where that needs no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# system_packages NAME...: installs the missing ones of these Debian packages; false where it may not or cannot.
system_packages() {
    local name missing=
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        tell "needed from your system (names as in Debian): $*"
        return 1
    fi
    for name in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
            missing="$missing $name"
        fi
    done
    [ -n "$missing" ] || return 0
    tell "installing system packages:$missing"
    # jackd2 asks a question while it is installed; apt-get's own text is only of interest when it fails.
    local log
    log=$(mktemp)
    # shellcheck disable=SC2086 # one word a package
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 update >"$log" 2>&1 </dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y \
            --no-install-recommends $missing >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    tell "system packages are missing, install them with: sudo apt-get install$missing"
    return 1
}

# A name on the path is not enough: version managers put names there whose Python is not installed.
fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# find_python: prints the Python to make the environment with.
find_python() {
    local name candidates=${RTRAVE_PYTHON:-python3 python3.13 python3.12 python3.11}
    for name in $candidates; do
        if fits "$name" && has_venv "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    for name in $candidates; do
        if fits "$name" && system_packages python3-venv && has_venv "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "no Python 3.11 or newer with the venv module among: $candidates: install one, or name it in RTRAVE_PYTHON"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" >&2; }

# make_venv: a working, empty or filled environment in .venv; one that an interrupted run left behind is made anew.
make_venv() {
    if [ -e "$venv/installing" ] || { [ -e "$venv" ] && ! pip --version >/dev/null 2>&1; }; then
        tell "the environment in $venv is incomplete: making it anew"
        rm -rf "$venv"
    fi
    if [ ! -e "$venv" ]; then
        local python
        python=$(find_python)
        tell "making $venv with $("$python" --version)"
        # Made elsewhere and moved it would hold wrong paths; so it is marked as incomplete from the first moment.
        mkdir "$venv"
        touch "$venv/installing"
        "$python" -m venv "$venv" >&2 || fail "$python cannot make an environment in $venv"
    fi
}

# Without this step, pip takes the CUDA build on Linux: some gigabytes that are of no use here.
install_torch() {
    local wanted=torch==$torch_version+cpu
    if "$venv/bin/python" -c "import importlib.metadata as m; assert m.version('torch').split('+')[0] == '$torch_version'" \
        2>/dev/null; then
        return
    fi
    if [ "$(uname -s)" != Linux ]; then
        tell "installing PyTorch $torch_version, a download of about 100 MB"
        pip install -c "$root/constraints.txt" "torch==$torch_version"
        return
    fi
    tell "installing the CPU build of PyTorch $torch_version, a download of about 200 MB"
    if pip install --quiet --dry-run --no-deps "$wanted" 2>/dev/null; then
        pip install -c "$root/constraints.txt" "$wanted"
    else
        tell "it is not among the packages pip knows here: taking it from $torch_index"
        pip install -c "$root/constraints.txt" --extra-index-url "$torch_index" "$wanted" ||
            fail "cannot get PyTorch $torch_version for $("$venv/bin/python" --version): check the network, or name another Python in RTRAVE_PYTHON"
    fi
}

# setup run|test PACKAGE...: the environment with everything the program (run) or its tests (test) need; at once
# where it was done before for the same requirements. True only if the system packages could be had, too.
setup() {
    local kind=$1 extra= stamp wanted
    shift
    [ "$kind" = run ] || extra="[$kind]"
    stamp=$venv/$kind.stamp
    wanted="$root $(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)"
    if [ ! -e "$venv/installing" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c ''; then
        return
    fi
    local system=0
    system_packages "$@" || system=1
    make_venv
    touch "$venv/installing"
    install_torch
    tell "installing the other packages, a download of about 100 MB"
    pip install -c "$root/constraints.txt" -e "$root$extra" ||
        fail "cannot install the packages: the lines above tell why"
    [ "$system" = 1 ] || printf '%s\n' "$wanted" >"$stamp"
    rm "$venv/installing"
    return "$system"
}
