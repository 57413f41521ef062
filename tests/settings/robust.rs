//! No text and no variables make reading the settings panic.

use proptest::prelude::*;
use shipmate::settings::Settings;

use super::SHIPPED;

/// The shipped settings with a part cut out and another text put there.
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
    ]);
    (0..SHIPPED.len(), 0..40usize, pieces).prop_map(|(start, length, piece)| {
        let end = (start + length).min(SHIPPED.len());
        let mut bytes = SHIPPED.as_bytes().to_vec();
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
        text in "\\PC{0,12}",
    ) {
        let _ = Settings::parse("x", SHIPPED, [(name, text)]);
    }
}
