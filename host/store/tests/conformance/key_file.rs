use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use wazo_auth_context::Context;
use wazo_auth_store::KeyFileError;
use wazo_auth_store::key_file::read_or_create;

use crate::fixture::{self, NOON};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_file(test: impl Fn(&Path, &Context)) {
    let folder = tempfile::tempdir().unwrap();
    test(&folder.path().join("token.key"), &fixture::context(NOON).0);
}

#[test]
fn the_key_is_made_once_and_for_its_owner_only() {
    with_file(|path, context| {
        let key = read_or_create(path, context).unwrap();
        assert_eq!(mode(path), 0o600);
        assert_ne!(*key, [0; 32]);
        assert_eq!(read_or_create(path, context).unwrap(), key);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.trim_end().len(), 44, "base64 of 32 bytes");
    });
}

#[test]
fn daemons_that_start_together_share_one_whole_key() {
    for _ in 0..100 {
        with_file(|path, context| {
            let barrier = Barrier::new(8);
            let start = || {
                barrier.wait();
                read_or_create(path, context).unwrap()
            };
            let keys = thread::scope(|scope| {
                let daemons = [(); 8].map(|()| scope.spawn(start));
                daemons.map(|daemon| daemon.join().unwrap())
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
            assert_eq!(read_or_create(path, context).unwrap(), keys[0]);
            let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
            assert_eq!(files.count(), 1, "nothing else holds the key");
        });
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    with_file(|path, context| {
        read_or_create(path, context).unwrap();
        for readable in [0o640, 0o604, 0o644] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(readable)).unwrap();
            let error = read_or_create(path, context).unwrap_err();
            assert!(matches!(error, KeyFileError::Mode { mode, .. } if mode == readable));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    });
}

#[test]
fn anything_else_is_refused_kept_and_not_shown() {
    with_file(|path, context| {
        for content in [&b""[..], b"c2VjcmV0", b"not base64 at all", b"\xFF\xFE", &[b'A'; 4096]] {
            std::fs::write(path, content).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
            let error = read_or_create(path, context).unwrap_err();
            assert!(matches!(error, KeyFileError::Malformed { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("c2VjcmV0"));
            assert_eq!(std::fs::read(path).unwrap(), content);
        }
    });
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    with_file(|path, context| {
        let path = path.join("missing").join("token.key");
        let error = read_or_create(&path, context).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    });
}
