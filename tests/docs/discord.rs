//! What the pages say of Discord: the permissions and the invitation, the settings, what
//! `check --online` answers, and the words by which somebody on call looks for a cause.

use std::fmt::Write as _;
use std::process::Command;

use serenity::model::id::ApplicationId;
use shipmate::chat::discord::permissions::{NEEDED, invite_url, needed};

use super::{between, files, in_step, page, root};
use crate::discord::fake::{FakeDiscord, World};

#[test]
fn the_table_of_permissions_and_the_invitation_are_those_of_the_program() {
    let mut text = String::from("| permission | what for |\n| --- | --- |\n");
    for permission in NEEDED {
        let _ = writeln!(text, "| {} | {} |", permission.name, permission.purpose);
    }
    let of_somebody = invite_url(ApplicationId::new(7));
    let address = of_somebody.replace("client_id=7&", "client_id=CLIENT_ID&");
    assert_ne!(address, of_somebody);
    let _ = write!(
        text,
        "\nTogether they are the number {}, and this is the invitation. Put the *Application ID* \
         of the page *General Information* in the place of CLIENT_ID:\n\n```text\n{address}\n```\n",
        needed().bits()
    );
    in_step("README.md", "permissions", &text);
}

#[test]
fn the_settings_that_the_readme_shows_are_those_of_the_example() {
    let example = page("docs/discord.toml");
    let from = example.find("# Ids are numbers").expect("where Discord's part begins");
    let to = example.find("# An environment is").expect("where it ends");
    let part = example[from..to].trim_end();
    in_step("README.md", "discord-settings", &format!("```toml\n{part}\n```\n"));
}

/// The example is checked against a Discord that has what it names.
#[tokio::test(flavor = "multi_thread")]
async fn the_readme_shows_what_check_online_says() {
    let fake = FakeDiscord::start(World::shipmate().unlimited()).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("discord-token");
    std::fs::write(&token, fake.token()).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_shipmate"));
    check
        .args(["check", "--online", "--settings", "docs/discord.toml"])
        .current_dir(root())
        .env("SHIPMATE__CHAT__DISCORD__TOKEN_FILE", &token)
        .env("SHIPMATE__CHAT__DISCORD__API", fake.rest_url())
        .env("SHIPMATE__CHAT__DISCORD__GATEWAY", fake.gateway_url());
    let output = tokio::task::spawn_blocking(move || check.output().unwrap()).await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let text = format!("```console\n$ shipmate check --online\n{told}```\n");
    in_step("README.md", "online", &text);
}

/// The program's sources as one text, with texts that go on over several lines put together.
fn spoken() -> String {
    let sources = files().into_iter().filter(|(name, _)| name.starts_with("src/"));
    let texts = sources.filter_map(|(_, path)| std::fs::read_to_string(path).ok());
    let all = texts.collect::<Vec<_>>().join("\n");
    let mut parts = all.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start())
}

/// Somebody searches the page for what stands in the log.
#[test]
fn the_page_for_those_on_call_quotes_what_the_program_says() {
    let text = page("docs/discord.md");
    let spoken = spoken();
    let mut quoted = 0;
    for row in between(&text, "words").lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split(" | ").next().unwrap_or_default();
        for words in cell.split('`').skip(1).step_by(2) {
            assert!(spoken.contains(words), "nothing says {words:?}");
            quoted += 1;
        }
    }
    assert!(quoted > 15, "only {quoted} are quoted");
}
