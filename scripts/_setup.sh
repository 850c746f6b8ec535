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
# On a system without apt it can only say what is needed.
system_packages() {
    local name missing=
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        tell "make sure that your system has (names as in Debian): $*"
        return 0
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
    local name candidates=(python3 python3.13 python3.12 python3.11)
    [ -z "${RTRAVE_PYTHON:-}" ] || candidates=("$RTRAVE_PYTHON")
    for name in "${candidates[@]}"; do
        if fits "$name" && has_venv "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    for name in "${candidates[@]}"; do
        if fits "$name" && system_packages python3-venv && has_venv "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "no Python 3.11 or newer with venv among ${candidates[*]}: install one, or name it in RTRAVE_PYTHON"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" >&2; }

# usable: whether .venv is whole (no install was cut off), works, and was not moved here from elsewhere.
usable() {
    local stamp
    for stamp in "$venv"/*.stamp; do
        [ ! -e "$stamp" ] || case "$(cat "$stamp")" in "$root "*) ;; *) return 1 ;; esac
    done
    [ ! -e "$venv/installing" ] && pip --version >/dev/null 2>&1
}

# make_venv: a usable environment in .venv, empty or filled; one that is not usable is made anew.
make_venv() {
    if [ -e "$venv" ] && ! usable; then
        tell "the environment in $venv is incomplete or was moved: making it anew"
        rm -rf "$venv"
    fi
    if [ ! -e "$venv" ]; then
        local python
        python=$(find_python) # its failure ends the script, by set -e
        tell "making $venv with $("$python" --version)"
        mkdir "$venv"
        touch "$venv/installing"
        "$python" -m venv "$venv" >&2
    fi
}

# Without this step, pip takes the CUDA build on Linux: some gigabytes that are of no use here.
install_torch() {
    local wanted=torch==$torch_version+cpu
    local found="from importlib.metadata import version; assert version('torch').split('+')[0] == '$torch_version'"
    if "$venv/bin/python" -c "$found" 2>/dev/null; then
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
            fail "cannot get PyTorch $torch_version for $("$venv/bin/python" --version):" \
                "check the network, or name another Python in RTRAVE_PYTHON and remove $venv"
    fi
}

# state: what an environment was made for.
state() { printf '%s %s' "$root" "$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)"; }

# ready run|test: whether .venv holds what the program (run) or its tests (test) need; takes no time.
ready() {
    [ ! -e "$venv/installing" ] && [ "$(cat "$venv/$1.stamp" 2>/dev/null)" = "$(state)" ] &&
        "$venv/bin/python" -c '' 2>/dev/null
}

# install run|test
install() {
    local extra=
    [ "$1" = run ] || extra="[$1]"
    make_venv
    touch "$venv/installing"
    install_torch
    tell "installing the other packages, a download of about 100 MB where they are not here yet"
    pip install -c "$root/constraints.txt" -e "$root$extra"
    state >"$venv/$1.stamp"
    rm "$venv/installing"
}
