# shellcheck shell=bash
# Helper functions of the scripts in this folder, which read this file; it does nothing by itself.

# The version scripts/check was written for. Any newer one should do.
CARGO_DENY_VERSION=0.20.2
# The same for scripts/fuzz.
CARGO_FUZZ_VERSION=0.13.2

# The stock plugins, as packages of the workspace.
PLUGINS=(broken_init broken_verify_password default_external_api default_internal default_user
    user_admin_status wazo_user)

# say TEXT…: one line on what comes next.
say() {
    printf '== %s\n' "$*"
}

# fail TEXT…: says what is wrong and what to do about it, and ends the script.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# have_package NAME: whether this Debian package is installed.
have_package() {
    local status
    status=$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) || return 1
    [[ $status == installed ]]
}

# need_package NAME…: installs the Debian packages that are missing. Without the right to do so,
# it says which command to run, and ends the script.
need_package() {
    local name missing=()
    for name in "$@"; do
        have_package "$name" || missing+=("$name")
    done
    if ((${#missing[@]} == 0)); then
        return
    fi
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        fail "missing Debian packages; run: sudo apt-get install ${missing[*]}"
    fi
    say "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# need_cargo_deny: builds cargo-deny when it is missing, which takes a minute or two, once. Not
# optimised: that would take twice as long, and it then still checks this workspace in a second.
need_cargo_deny() {
    if ! cargo deny --version >/dev/null 2>&1; then
        say "Installing cargo-deny $CARGO_DENY_VERSION (a minute or two, once)"
        cargo install cargo-deny --version "$CARGO_DENY_VERSION" \
            --debug --locked --no-default-features --quiet
    fi
}

# need_cargo_fuzz: builds cargo-fuzz when it is missing.
need_cargo_fuzz() {
    if ! cargo fuzz --version >/dev/null 2>&1; then
        say "Installing cargo-fuzz $CARGO_FUZZ_VERSION (a minute, once)"
        cargo install cargo-fuzz --version "$CARGO_FUZZ_VERSION" --debug --locked --quiet
    fi
}

# need_python_tools: installs what scripts/python-tools.txt lists into .tools/python, which git
# ignores, unless it is there.
need_python_tools() {
    need_package python3 python3-venv
    local list=scripts/python-tools.txt tools=.tools/python
    mkdir -p .tools
    (
        flock 9
        cmp --silent "$list" "$tools/installed.txt" && exit
        say "Installing schemathesis and a validator of API descriptions (a minute, once)"
        python3 -m venv --clear "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$list"
        cp "$list" "$tools/installed.txt"
    ) 9>.tools/lock
}

# need_cargo: says what to do when there is no Rust toolchain.
need_cargo() {
    command -v cargo >/dev/null ||
        fail "there is no Rust toolchain (cargo); install version 1.90 or newer, for instance with rustup"
}
