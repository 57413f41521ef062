//! The tokens of programs that reserve: where they may come from, and that nothing shows them.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use shipmate::settings::{ReservationKeyError, Reservations};

use super::{SMALL, parse, wrong};

const VARIABLE: &str = "SHIPMATE__WEB__RESERVATIONS__TOKENS__E2E__KEY";
const KEY: &str = "not-a-token-of-anybody-at-all";

/// A server with these lines, of which the first is line 14.
fn web(lines: &str) -> String {
    format!("{SMALL}[web]\nlisten = \"127.0.0.1:0\"\n[web.reservations]\n{lines}\n")
}

/// With one token, whose table's lines begin in line 15.
fn token(lines: &str) -> String {
    web(&format!("[web.reservations.tokens.e2e]\n{lines}"))
}

fn reservations(text: &str, variables: &[(&str, &str)]) -> Reservations {
    parse(text, variables).unwrap().web.unwrap().reservations.unwrap()
}

#[test]
fn tokens_come_from_files_or_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, format!(" {KEY}\n")).unwrap();
    let file = format!("key-file = {:?}\nenvironments = [\"staging\"]", path.display().to_string());
    let from_file = reservations(&token(&file), &[]);
    assert_eq!(
        (from_file.ping, from_file.grace),
        (Duration::from_secs(10), Duration::from_secs(30))
    );
    let text = token("environments = [\"staging\"]");
    let settings = parse(&text, &[(VARIABLE, KEY)]).unwrap();
    assert!(!format!("{settings:?}").contains(KEY));
    let from_variable = reservations(&text, &[(VARIABLE, KEY)]);
    for reservations in [from_file, from_variable] {
        let [e2e] = <[_; 1]>::try_from(reservations.reservers().unwrap()).unwrap();
        assert_eq!((e2e.name.as_str(), e2e.key.reveal()), ("e2e", KEY));
        assert!(e2e.environments.contains(&"staging".into()));
        assert!(!format!("{e2e:?}").contains(KEY));
    }
    let without = format!("{SMALL}[web]\nlisten = \"127.0.0.1:0\"");
    assert!(parse(&without, &[]).unwrap().web.unwrap().reservations.is_none());
}

#[test]
fn a_file_that_holds_no_token_is_refused_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, content: Option<&str>, mode: u32| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let file =
            format!("key-file = {:?}\nenvironments = [\"staging\"]", path.display().to_string());
        let error = reservations(&token(&file), &[]).reservers().unwrap_err();
        assert!(content.is_none_or(|content| !format!("{error}{error:?}").contains(content)));
        error
    };
    assert!(matches!(told("short", Some("short-one"), 0o600), ReservationKeyError::NotAKey { .. }));
    assert!(matches!(told("open", Some(KEY), 0o666), ReservationKeyError::Writable { .. }));
    assert!(matches!(told("none", None, 0), ReservationKeyError::Unreadable { .. }));
}

#[test]
fn two_programs_cannot_be_the_same_one() {
    let text = web("[web.reservations.tokens.a]\nenvironments = [\"staging\"]\n\
                    [web.reservations.tokens.b]\nenvironments = [\"staging\"]");
    let variables = ["A", "B"].map(|name| VARIABLE.replace("E2E", name));
    let variables: Vec<(&str, &str)> = variables.iter().map(|name| (name.as_str(), KEY)).collect();
    let error = reservations(&text, &variables).reservers().unwrap_err();
    assert_eq!(error, ReservationKeyError::Same { one: "a".into(), other: "b".into() });
}

#[test]
fn what_is_wrong_is_told_without_the_token() {
    let right = "key-file = \"/run/x\"\nenvironments = [\"staging\"]";
    assert_eq!(
        wrong(&web(""), &[]),
        "shipmate.toml:13:6: no program may reserve anything; add a table such as \
         [web.reservations.tokens.e2e], or remove this"
    );
    assert_eq!(
        wrong(&token("environments = [\"staging\"]"), &[]),
        "shipmate.toml:14:26: the token `e2e` for reservations is not given; name a file that holds \
         it, for example: key-file = \"/run/secrets/e2e-token\", or set \
         SHIPMATE__WEB__RESERVATIONS__TOKENS__E2E__KEY"
    );
    assert_eq!(
        wrong(&token(right), &[(VARIABLE, KEY)]),
        "SHIPMATE__WEB__RESERVATIONS__TOKENS__E2E__KEY: this token for reservations is given twice, \
         also by `key-file`; keep one of the two"
    );
    assert_eq!(
        wrong(&token("environments = [\"staging\"]"), &[(VARIABLE, "hunter2")]),
        "SHIPMATE__WEB__RESERVATIONS__TOKENS__E2E__KEY: this is no token for reservations: it must \
         have from 16 to 512 visible characters without spaces; make one with: openssl rand -hex 32"
    );
    assert_eq!(
        wrong(&token("key-file = \"/run/x\"\nenvironments = [\"stagin\"]"), &[]),
        "shipmate.toml:16:17: there is no environment `stagin`; did you mean `staging`?"
    );
    assert_eq!(
        wrong(&token("key-file = \"/run/x\"\nenvironments = []"), &[]),
        "shipmate.toml:16:16: `e2e` may reserve nothing; write for example environments = \
         [\"staging\"]"
    );
    assert_eq!(
        wrong(&token("key-file = \"/run/x\""), &[]),
        "shipmate.toml:14:26: `web.reservations.tokens.e2e.environments` is missing; add it, for \
         example: environments = [\"staging\"]"
    );
    let times = format!("ping = \"10s\"\ngrace = \"19s\"\n[web.reservations.tokens.e2e]\n{right}");
    assert_eq!(
        wrong(&web(&times), &[]),
        "shipmate.toml:15:9: `web.reservations.grace` must be at least twice as long as `ping`: one \
         answer that is late is no crash"
    );
}
