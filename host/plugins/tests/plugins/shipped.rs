//! A plugin as it is shipped: optimised, linked as a whole, stripped.

use std::path::PathBuf;

use wazo_auth_plugins::{Args, inspect};

use crate::support::{
    cargo, folder, install, install_stock, load, settings, target_dir, workspace,
};

fn shipped_acme() -> PathBuf {
    let options = [
        "--config=profile.release.lto=\"fat\"",
        "--config=profile.release.strip=true",
        "--config=profile.release.opt-level=3",
    ];
    let target = target_dir().join("shipped");
    let dir = workspace().join("tests/third-party/acme_auth");
    cargo(&["build", "--quiet", "--release"], options, &dir, &target);
    target.join("release/libacme_auth.so")
}

#[test]
#[ignore = "builds with full optimisation, a minute"]
fn it_loads_and_answers() {
    let folder = folder();
    install_stock(folder.path());
    let file = install(&shipped_acme(), folder.path(), "libacme_auth.so");
    inspect(&file).unwrap().fits_in_process().unwrap();
    let (registry, _daemon) = load(&settings(folder.path(), &["acme"])).unwrap();
    let acme = registry.backend("acme").unwrap();
    assert!(acme.verify_password("wile", "coyote-1949", &mut Args::new()).unwrap());
}
