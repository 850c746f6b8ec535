# Shared steps of scripts/run and scripts/test, which source this file. All output goes to stderr.
# RTRAVE_PYTHON: the Python to use (default: the first suitable one).

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
torch_version=$(sed -n 's/^torch==//p' "$root/constraints.txt")
torch_index=https://download.pytorch.org/whl/cpu

tell() { printf 'rtrave: %s\n' "$*" >&2; }

fail() { tell "$@"; exit 1; }

# as_root COMMAND...: runs the command as root; fails if that needs a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# system_packages NAME...: installs those of the Debian packages that are missing; fails if it has no right to.
# On a system without apt it only prints the names.
system_packages() {
    local name missing=
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        tell "this system has no apt: make sure that it has these packages (names as in Debian): $*"
        return 0
    fi
    for name in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
            missing="$missing $name"
        fi
    done
    [ -n "$missing" ] || return 0
    tell "installing system packages:$missing"
    # Without noninteractive, jackd2 asks a question. apt-get's output matters only if it fails.
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
    tell "missing system packages: install them with: sudo apt-get install$missing"
    return 1
}

# Runs the Python, because version managers put commands on the path whose Python is not installed.
fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# find_python: prints the command of a suitable Python.
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
    fail "expected Python 3.11 or newer with venv, found none among ${candidates[*]}: install one, or set RTRAVE_PYTHON"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" >&2; }

# usable: succeeds if .venv is complete, works, and was not moved.
usable() {
    local stamp
    for stamp in "$venv"/*.stamp; do
        [ ! -e "$stamp" ] || case "$(cat "$stamp")" in "$root "*) ;; *) return 1 ;; esac
    done
    [ ! -e "$venv/installing" ] && pip --version >/dev/null 2>&1
}

# make_venv: creates .venv, and replaces an unusable one.
make_venv() {
    if [ -e "$venv" ] && ! usable; then
        tell "the environment in $venv is incomplete or was moved: creating it again"
        rm -rf "$venv"
    fi
    if [ ! -e "$venv" ]; then
        local python
        python=$(find_python) # set -e ends the script if it fails
        tell "creating $venv with $("$python" --version)"
        mkdir "$venv"
        touch "$venv/installing"
        "$python" -m venv "$venv" >&2
    fi
}

# Without this step, pip would install the CUDA build on Linux, several gigabytes that rtrave does not need.
install_torch() {
    local build=torch==$torch_version+cpu
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
    if pip install --quiet --dry-run --no-deps "$build" 2>/dev/null; then
        pip install -c "$root/constraints.txt" "$build"
    else
        tell "pip's package index does not have it: downloading from $torch_index"
        pip install -c "$root/constraints.txt" --extra-index-url "$torch_index" "$build" ||
            fail "cannot install PyTorch $torch_version for $("$venv/bin/python" --version):" \
                "check the network, or remove $venv and set RTRAVE_PYTHON to another Python"
    fi
}

# state: prints an identifier of the checkout and its requirements.
state() { printf '%s %s' "$root" "$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)"; }

# ready run|test: succeeds if .venv holds what the program (run) or its tests (test) need. Is fast.
ready() {
    [ ! -e "$venv/installing" ] && [ "$(cat "$venv/$1.stamp" 2>/dev/null)" = "$(state)" ] &&
        "$venv/bin/python" -c '' 2>/dev/null
}

# install run|test: installs what the program (run) or its tests (test) need.
install() {
    local extra=
    [ "$1" = run ] || extra="[$1]"
    make_venv
    touch "$venv/installing"
    install_torch
    tell "installing the other packages, a download of about 100 MB unless they are cached"
    pip install -c "$root/constraints.txt" -e "$root$extra"
    state >"$venv/$1.stamp"
    rm "$venv/installing"
}
