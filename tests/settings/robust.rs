//! No text and no variables make reading the settings panic.

use proptest::prelude::*;
use shipmate::settings::Settings;

use super::SHIPPED;
use super::discord::EXAMPLE;

/// One of the shipped settings with a part cut out and another text put there.
fn damaged() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "",
        "\"",
        "[",
        "]",
        "[[services]]",
        "=",
        "{",
        "}",
        "\n",
        ".",
        "5",
        "true",
        "'ü'",
        "\u{feff}",
        "\r\n",
        "[environments.x]\n",
        "a.b = 1\n",
        "after = \"production\"\n",
        "1979-05-27",
        "token = \"x\"\n",
        "[chat]\n",
    ]);
    let texts = prop::sample::select(vec![SHIPPED, EXAMPLE]);
    (texts, any::<prop::sample::Index>(), 0..40usize, pieces).prop_map(|parts| {
        let (text, start, length, piece) = parts;
        let start = start.index(text.len());
        let end = (start + length).min(text.len());
        let mut bytes = text.as_bytes().to_vec();
        bytes.splice(start..end, piece.bytes());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = Settings::parse("x", &text, []);
    }

    #[test]
    fn damaged_settings_are_read_or_refused_with_a_position(text in damaged()) {
        if let Err(errors) = Settings::parse("x", &text, []) {
            prop_assert!(!errors.0.is_empty());
            for error in errors.0 {
                let told = error.to_string();
                prop_assert!(told.starts_with("x:"), "{told}");
            }
        }
    }

    #[test]
    fn any_variables_are_read_or_refused(
        name in "(SHIPMATE__)?(DATABASE|SERVICES|WEB|_|ü|ECS_SERVICE|STAGING|__){0,6}",
        chat in "SHIPMATE__CHAT__DISCORD(__(TOKEN|GUILD|CHANNELS|2000|API|PUBLIC_KEY)){0,3}",
        text in "\\PC{0,12}",
    ) {
        let _ = Settings::parse("x", SHIPPED, [(name, text.clone())]);
        let _ = Settings::parse("x", EXAMPLE, [(chat, text)]);
    }
}
