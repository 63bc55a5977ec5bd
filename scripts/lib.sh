# shellcheck shell=bash
# Helper functions of the scripts in this folder, which read this file; it does nothing by itself.

# The version scripts/check was written for. Any newer one should do.
CARGO_DENY_VERSION=0.20.2
# The same for scripts/fuzz.
CARGO_FUZZ_VERSION=0.13.2

# The platform's own JavaScript client, and the SHA-512 of its package.
WAZO_SDK_VERSION=0.44.7
WAZO_SDK_SHA512=d23fd0f1e08e0ac90242f783b80f8f6f7b1e22c09653a34b610f87459fd0a04c8b1e908881c489e102a2c54844d56024d9d1fb6e374ce9d1cc529c2d4c728672

# The stock plugins, as packages of the workspace.
PLUGINS=(broken_init broken_verify_password default_external_api default_internal default_user
    external_auth ldap_user logger smtp user_admin_status wazo_user)

# say TEXT…: one line on what comes next.
say() {
    printf '== %s\n' "$*"
}

# fail TEXT…: says what is wrong and what to do about it, and ends the script.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# in_turn PATH COMMAND…: runs a command, or a function of this file, while no other command that is
# run in this way has the same file or folder for its lock.
in_turn() {
    local lock=$1
    shift
    # Not for what the command leaves behind, which would hold the lock as well.
    (
        flock 9
        "$@" 9>&-
    ) 9<"$lock"
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
    local missing
    missing=$(missing_packages "$@")
    if [[ -z $missing ]]; then
        return
    fi
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        fail "missing Debian packages; run: sudo apt-get install $missing"
    fi
    in_turn /var/lib/dpkg install_packages "$@"
}

# missing_packages NAME…: those of these Debian packages that are not installed.
missing_packages() {
    local name missing=()
    for name in "$@"; do
        have_package "$name" || missing+=("$name")
    done
    printf '%s' "${missing[*]}"
}

# install_packages NAME…: installs those of these Debian packages that another one has not installed
# meanwhile.
install_packages() {
    local missing
    read -ra missing <<<"$(missing_packages "$@")"
    if ((${#missing[@]} == 0)); then
        return
    fi
    say "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends \
        --option DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null
}

# need_server PACKAGE SERVICE…: installs the Debian package of a server when it is missing. The tests
# start servers of their own: the services that come with the package are not for them, and are
# stopped.
need_server() {
    local package=$1
    shift
    have_package "$package" && return
    need_package "$package"
    if [[ -d /run/systemd/system ]]; then
        systemctl --quiet disable --now "$@" 2>/dev/null || true
    elif command -v service >/dev/null; then
        service "$1" stop >/dev/null 2>&1 || true
    fi
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
    mkdir -p .tools
    in_turn .tools install_python_tools
}

# install_python_tools: the same, once nobody else does so.
install_python_tools() {
    local list=scripts/python-tools.txt tools=.tools/python
    if cmp --silent "$list" "$tools/installed.txt"; then
        return
    fi
    say "Installing schemathesis and a validator of API descriptions (a minute, once)"
    python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement "$list"
    cp "$list" "$tools/installed.txt"
}

# need_another_rust: unpacks the Rust compiler that Debian packages for web browsers into
# .tools/another-rust, which git ignores; nothing of it is installed. Of several versions it is the
# oldest: the plugin API promises to work from 1.85 on. Some 90 MB are downloaded, once.
need_another_rust() {
    # What LLVM is linked to.
    need_package gcc libc6-dev libedit2 libffi8 libxml2 libz3-4 libzstd1 zlib1g
    mkdir -p .tools
    in_turn .tools download_another_rust
}

# download_another_rust: the same, once nobody else does so.
download_another_rust() {
    local there=$PWD/.tools/another-rust version release llvm new file
    if "$there/rustc" --version >/dev/null 2>&1; then
        return
    fi
    version=$(oldest_package rustc-web)
    if [[ -z $version ]] && ((EUID == 0)); then
        apt-get update -qq
        version=$(oldest_package rustc-web)
    fi
    [[ -n $version ]] ||
        fail "apt knows no package rustc-web, with which plugins by another Rust compiler are tested;" \
            "run: sudo apt-get update (or, if Debian has dropped it, name another one in scripts/lib.sh)"
    release=$(cut -d. -f1,2 <<<"$version")
    # Read to the end: a pipe that is closed early would look like a failure.
    llvm=$(apt-cache show "libstd-rust-web-$release=$version" | grep -o 'libllvm[0-9]*' | sed -n 1p) ||
        fail "apt does not know which LLVM libstd-rust-web-$release $version needs"
    say "Downloading rustc-web $version (90 MB, once)"
    # What an earlier attempt has left behind.
    rm -rf .tools/another-rust.*
    new=$(mktemp -d .tools/another-rust.XXXXXX)
    (
        cd "$new"
        apt-get download -qq "rustc-web=$version" "libstd-rust-web-dev=$version" \
            "libstd-rust-web-$release=$version" "$llvm" 2>/dev/null
    ) || fail "apt cannot download rustc-web $version; check its access to the archive"
    for file in "$new"/*.deb; do
        dpkg --extract "$file" "$new"
        rm "$file"
    done
    cat >"$new/rustc" <<'SH'
#!/bin/sh
# The compiler with its own libraries.
root=$(dirname "$0")/usr
LD_LIBRARY_PATH=$(echo "$root"/lib/*-linux-gnu) exec "$root/bin/rustc" "$@"
SH
    chmod +x "$new/rustc"
    "$new/rustc" --version >/dev/null || fail "rustc-web $version does not run unpacked: see above"
    rm -rf "$there"
    mv "$new" "$there"
}

# oldest_package NAME: the oldest version of a Debian package that apt knows; nothing if none.
oldest_package() {
    apt-cache madison "$1" | awk '{print $3}' | sort --version-sort | sed -n 1p
}

# need_cargo: says what to do when there is no Rust toolchain.
need_cargo() {
    command -v cargo >/dev/null ||
        fail "there is no Rust toolchain (cargo); install version 1.90 or newer, for instance with rustup"
}

# need_program NAME PACKAGE…: installs these Debian packages when there is no such program.
need_program() {
    command -v "$1" >/dev/null || need_package "${@:2}"
}

# need_wazo_sdk FOLDER: downloads the JavaScript SDK to FOLDER/node_modules, once. Nothing else:
# what Node.js loads of the package has all its dependencies in it.
need_wazo_sdk() {
    need_program node nodejs
    need_program npm npm
    in_turn "$1" download_wazo_sdk "$1"
}

# download_wazo_sdk FOLDER: the same, once nobody else does so.
download_wazo_sdk() {
    local there=$1/node_modules/@wazo/sdk new
    if grep -qs "\"version\": \"$WAZO_SDK_VERSION\"" "$there/package.json"; then
        return
    fi
    say "Downloading @wazo/sdk $WAZO_SDK_VERSION"
    mkdir -p "${there%/*}"
    new=$(mktemp -d "$1/new.XXXXXX")
    npm pack "@wazo/sdk@$WAZO_SDK_VERSION" --pack-destination "$new" --silent >/dev/null ||
        fail "npm cannot download @wazo/sdk $WAZO_SDK_VERSION; check its access to a package registry"
    sha512sum --check --status <<<"$WAZO_SDK_SHA512  $new/wazo-sdk-$WAZO_SDK_VERSION.tgz" ||
        fail "npm downloaded another @wazo/sdk $WAZO_SDK_VERSION than the one that is known"
    tar --extract --gzip --file "$new/wazo-sdk-$WAZO_SDK_VERSION.tgz" --directory "$new"
    rm -rf "$there"
    mv "$new/package" "$there"
    rm -r "$new"
}
