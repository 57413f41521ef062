//! The key of AWS's events: where it may come from, and that nothing shows it.

use std::os::unix::fs::PermissionsExt;

use shipmate::settings::EventKeyError;

use super::{SMALL, parse, wrong};

const VARIABLE: &str = "SHIPMATE__WEB__AWS_EVENTS__KEY";
const KEY: &str = "not-a-key-of-anybody-at-all";

/// A server with this line, which is line 14.
fn web(line: &str) -> String {
    format!("{SMALL}[web]\nlisten = \"127.0.0.1:0\"\n[web.aws-events]\n{line}\n")
}

fn key_of(content: &str) -> Result<String, EventKeyError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, content).unwrap();
    let line = format!("key-file = {:?}", path.display().to_string());
    let events = parse(&web(&line), &[]).unwrap().web.unwrap().aws_events.unwrap();
    events.key().map(|key| key.reveal().to_owned())
}

#[test]
fn the_key_comes_from_a_file_or_a_variable() {
    assert_eq!(key_of(&format!(" {KEY}\r\n")).unwrap(), KEY);
    let settings = parse(&web("header = \"X-Ours\""), &[(VARIABLE, KEY)]).unwrap();
    assert!(!format!("{settings:?}").contains(KEY));
    let events = settings.web.unwrap().aws_events.unwrap();
    assert_eq!(events.key().unwrap().reveal(), KEY);
    assert_eq!(events.header, "x-ours");
    let unset = parse(&web("key-file = \"/run/x\""), &[]).unwrap().web.unwrap();
    assert_eq!(unset.aws_events.unwrap().header, "x-shipmate-key", "as events.md sets it up");
    assert!(
        parse(&format!("{SMALL}[web]\nlisten = \"127.0.0.1:0\""), &[])
            .unwrap()
            .web
            .unwrap()
            .aws_events
            .is_none()
    );
}

#[test]
fn a_file_that_holds_no_key_is_refused_without_showing_it() {
    for content in ["", "short", "with a space in the middle of it", &"x".repeat(513)] {
        let error = key_of(content).unwrap_err();
        assert!(matches!(error, EventKeyError::NotAKey { .. }), "{error}");
        assert!(content.is_empty() || !format!("{error}{error:?}").contains(content), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, KEY).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let line = format!("key-file = {:?}", path.display().to_string());
    let events = parse(&web(&line), &[]).unwrap().web.unwrap().aws_events.unwrap();
    let told = events.key().unwrap_err();
    assert!(matches!(told, EventKeyError::Writable { .. }), "{told}");
    let line = "key-file = \"/no/such/key\"";
    let events = parse(&web(line), &[]).unwrap().web.unwrap().aws_events.unwrap();
    let told = events.key().unwrap_err().to_string();
    assert!(
        told.starts_with("the file with the key of AWS's events /no/such/key cannot"),
        "{told}"
    );
}

#[test]
fn what_is_wrong_is_told_without_the_key() {
    assert_eq!(
        wrong(&web(""), &[]),
        "shipmate.toml:13:6: the key of AWS's events is not given; name a file that holds it, for \
         example: key-file = \"/run/secrets/aws-events-key\", or set SHIPMATE__WEB__AWS_EVENTS__KEY"
    );
    assert_eq!(
        wrong(&web("key-file = \"/run/x\""), &[(VARIABLE, KEY)]),
        "SHIPMATE__WEB__AWS_EVENTS__KEY: the key of AWS's events is given twice, also by \
         `key-file`; keep one of the two"
    );
    assert_eq!(
        wrong(&web(""), &[(VARIABLE, "hunter2")]),
        "SHIPMATE__WEB__AWS_EVENTS__KEY: this is no key for AWS's events: it must have from 16 to \
         512 visible characters without spaces; make one with: openssl rand -hex 32"
    );
    assert_eq!(
        wrong(&web(&format!("key = \"{KEY}\"")), &[]),
        "shipmate.toml:14:7: `web.aws-events.key` never stands in this file; write it into a file \
         of its own, which `web.aws-events.key-file` names, or set SHIPMATE__WEB__AWS_EVENTS__KEY"
    );
    assert_eq!(
        wrong(&web("key-file = \"/run/x\"\nheader = \"x key\""), &[]),
        "shipmate.toml:15:10: `x key` cannot be a header; use letters, digits, `-` and `_`"
    );
}
