//! `check --online` at the wire: it asks the fake for all that the settings name.

use shipmate::app::{check, check_online};
use shipmate::chat::discord::permissions::needed;

use super::fake::{FakeDiscord, World};
use crate::world::{SETTINGS, within};

/// The tests' guild, where the bot was invited with the permissions that its invitation asks for.
fn invited() -> World {
    let asked = needed().bits();
    World::shipmate().bot_role(3901, "invited", asked).person(4900, "shipmate", &[3900, 3901])
}

/// What it says about the guild where this role is named, and whether all is well.
async fn checked(role: &str) -> (FakeDiscord, String, bool) {
    let fake = FakeDiscord::start(invited().unlimited()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let by_role = SETTINGS.replace(r#"people = ["alice"]"#, &format!(r#"discord = ["{role}"]"#));
    let discord = format!(
        "\n[chat.discord]\nguild = \"1000\"\nannounce = \"2000\"\n\
         channels = {{ \"2000\" = [\"staging\", \"production\"] }}\napi = \"{}\"\ngateway = \"{}\"\n",
        fake.rest_url(),
        fake.gateway_url()
    );
    std::fs::write(file.path(), by_role + &discord).unwrap();
    let variables = vec![("SHIPMATE__CHAT__DISCORD__TOKEN".to_owned(), fake.token())];
    let offline = check(file.path(), variables.clone());
    let checking = check_online(file.path(), variables, offline);
    let checked = within("it is checked", checking).await;
    assert!(!checked.report.contains(&fake.token()), "the token is told");
    (fake, checked.report, checked.sound)
}

#[tokio::test]
async fn a_guild_with_all_that_the_settings_name_is_sound() {
    let (fake, report, sound) = checked("3001").await;
    assert!(sound, "{report}");
    assert_eq!(fake.invalid_requests(), 0);
    // Asking changes nothing.
    assert!(fake.requests().iter().all(|one| one.method == "GET"), "{:#?}", fake.requests());
}

#[tokio::test]
async fn a_role_that_does_not_exist_is_found() {
    let (_fake, report, sound) = checked("3999").await;
    assert!(!sound && report.contains("3999"), "{report}");
}
