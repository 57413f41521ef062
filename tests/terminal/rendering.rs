//! Cards as text.

use insta::assert_snapshot;
use shipmate::chat::terminal::{Painter, Style, plain};
use shipmate::domain::card::{Card, Progress, Tone};
use unicode_width::UnicodeWidthStr;

use super::full_card;

fn painted(card: &Card, style: Style, width: usize) -> String {
    Painter { style, width: Some(width) }.card(card, None).join("\n")
}

#[test]
fn in_plain_text() {
    assert_snapshot!(painted(&full_card(), Style::Plain, 100), @r"
    ⏳ #12 core:1.5.0 and web:2.1.0 to production
       alice asks; production changes are agreed by two release managers, within 30 minutes.
       ⚠ 1 task of rest-api is autoscaled and takes the new image as soon as the tag has moved
         › approve 12
         › cancel 12 because the change window has closed for today
       Services
         rest-api  6 tasks  stop: the tag is pulled
         frontend  4 tasks  deployment: fixed in the settings
       Changes
         9f31c02 Retry the export (alice)
       [███████░░░] 7/10 tasks
       ✅ approve  ❌ reject  🛑 cancel
       terms 4be1a09c
    ");
}

#[test]
fn as_wide_as_a_phone() {
    assert_snapshot!(painted(&full_card(), Style::Plain, 60), @r"
    ⏳ #12 core:1.5.0 and web:2.1.0 to production
       alice asks; production changes are agreed by two release
       managers, within 30 minutes.
       ⚠ 1 task of rest-api is autoscaled and takes the new
         image as soon as the tag has moved
         › approve 12
         › cancel 12 because the change window has closed for
           today
       Services
         rest-api  6 tasks  stop: the tag is pulled
         frontend  4 tasks  deployment: fixed in the settings
       Changes
         9f31c02 Retry the export (alice)
       [███████░░░] 7/10 tasks
       ✅ approve  ❌ reject  🛑 cancel
       terms 4be1a09c
    ");
}

#[test]
fn as_narrow_as_can_be() {
    assert_snapshot!(painted(&full_card(), Style::Plain, 24), @r"
    ⏳ #12 core:1.5.0 and
       web:2.1.0 to
       production
       alice asks;
       production changes
       are agreed by two
       release managers,
       within 30 minutes.
       ⚠ 1 task of rest-api
         is autoscaled and
         takes the new image
         as soon as the tag
         has moved
         › approve 12
         › cancel 12 because
           the change window
           has closed for
           today
       Services
         rest-api  6 tasks
         stop: the tag is
         pulled
         frontend  4 tasks
         deployment: fixed
         in the settings
       Changes
         9f31c02 Retry the
         export (alice)
       [███████░░░] 7/10
       tasks
       ✅ approve  ❌ reject
       🛑 cancel
       terms 4be1a09c
    ");
}

#[test]
fn with_colours() {
    let text = painted(&full_card(), Style::Ansi, 60).replace('\u{1b}', "␛");
    assert_snapshot!(text, @r"
    ⏳ ␛[1;34m#12 core:1.5.0 and web:2.1.0 to production␛[0m
    ␛[34m│␛[0m  alice asks; production changes are agreed by two release
    ␛[34m│␛[0m  managers, within 30 minutes.
    ␛[34m│␛[0m  ␛[33m⚠ 1 task of rest-api is autoscaled and takes the new␛[0m
    ␛[34m│␛[0m  ␛[33m  image as soon as the tag has moved␛[0m
    ␛[34m│␛[0m  ␛[36m  › approve 12␛[0m
    ␛[34m│␛[0m  ␛[36m  › cancel 12 because the change window has closed for␛[0m
    ␛[34m│␛[0m  ␛[36m    today␛[0m
    ␛[34m│␛[0m  ␛[1mServices␛[0m
    ␛[34m│␛[0m    rest-api  6 tasks  stop: the tag is pulled
    ␛[34m│␛[0m    frontend  4 tasks  deployment: fixed in the settings
    ␛[34m│␛[0m  ␛[1mChanges␛[0m
    ␛[34m│␛[0m    9f31c02 Retry the export (alice)
    ␛[34m│␛[0m  [███████░░░] 7/10 tasks
    ␛[34m│␛[0m  ✅ approve  ❌ reject  🛑 cancel
    ␛[34m│␛[0m  ␛[2mterms 4be1a09c␛[0m
    ");
}

#[test]
fn short_and_brief() {
    let painter = Painter::plain(60);
    assert_snapshot!(painter.short(&full_card(), Some("@alice")).join("\n"), @r"
    ⏳ #12 core:1.5.0 and web:2.1.0 to production
       @alice
       alice asks; production changes are agreed by two release
       managers, within 30 minutes.
       ⚠ 1 task of rest-api is autoscaled and takes the new
         image as soon as the tag has moved
         › approve 12
         › cancel 12 because the change window has closed for
           today
       [███████░░░] 7/10 tasks
       ✅ approve  ❌ reject  🛑 cancel
    ");
    assert_snapshot!(painter.brief(&full_card()).join("\n"), @"⏳ #12 core:1.5.0 and web:2.1.0 to…  [███████░░░] 7/10 tasks");
    assert_snapshot!(Painter::plain(44).brief(&full_card()).join("\n"), @"⏳ #12 core:1.5.0…  [███████░░░] 7/10 tasks");
}

#[test]
fn the_sign_of_each_tone_takes_the_same_room() {
    let tones = [Tone::Plain, Tone::Waiting, Tone::Running, Tone::Good, Tone::Warning, Tone::Bad];
    let cards = tones.map(|tone| painted(&Card::new(tone, "Title").text("Text"), Style::Plain, 60));
    assert_snapshot!(cards.join("\n"), @r"
    •  Title
       Text
    ⏳ Title
       Text
    🚀 Title
       Text
    ✅ Title
       Text
    ⚠️ Title
       Text
    ❌ Title
       Text
    ");
}

#[test]
fn no_row_is_wider_than_asked() {
    for width in 20..130 {
        for row in Painter::plain(width).card(&full_card(), Some("(only alice sees this)")) {
            assert!(row.width() <= width, "{width}: {row}");
        }
    }
}

#[test]
fn a_word_that_is_too_wide_is_broken_where_it_must() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let card =
        Card::new(Tone::Plain, "Image").text(digest).text("デプロイが完了しました。全て正常です");
    assert_snapshot!(painted(&card, Style::Plain, 30), @r"
    •  Image
       sha256:0123456789abcdef0123
       456789abcdef0123456789abcde
       f0123456789abcdef
       デプロイが完了しました。全
       て正常です
    ");
}

#[test]
fn nothing_in_a_text_reaches_the_terminal_as_a_command() {
    let mut card = Card::new(Tone::Bad, "title\u{1b}[2J\nsecond")
        .text("bell\u{7} \u{9b}31m back\u{8} line\r\nnext\u{202e}desrever")
        .field("name\u{1b}]0;x\u{7}", vec!["a\tb\u{0}".to_owned()]);
    card.footer = Some("foot\u{1b}c".to_owned());
    card.progress = Some(Progress { done: 1, total: 0, label: "x\u{1b}".to_owned() });
    assert_snapshot!(painted(&card, Style::Plain, 60), @r"
    ❌ title[2J second
       bell 31m back line
       nextdesrever
       name]0;x
         a  b
       [░░░░░░░░░░] 1/0 x
       footc
    ");
}

#[test]
fn a_full_bar_means_done() {
    let bar = |done, total| {
        let progress = Progress { done, total, label: "tasks".to_owned() };
        plain_of(&Card { progress: Some(progress), ..Card::default() })
    };
    assert_snapshot!([bar(0, 10), bar(999, 1000), bar(10, 10), bar(12, 10)].join("\n"), @r"
    [░░░░░░░░░░] 0/10 tasks
    [█████████░] 999/1000 tasks
    [██████████] 10/10 tasks
    [██████████] 12/10 tasks
    ");
}

fn plain_of(card: &Card) -> String {
    shipmate::chat::terminal::plain(card).lines().skip(1).collect()
}

#[test]
fn what_is_looked_up_is_on_unbroken_lines() {
    assert!(plain(&full_card()).contains("two release managers, within 30 minutes."));
}

#[test]
fn colours_only_where_they_are_wanted() {
    assert_eq!(Style::of(true, None, Some("xterm")), Style::Ansi);
    assert_eq!(Style::of(true, Some(""), None), Style::Ansi);
    assert_eq!(Style::of(true, Some("1"), Some("xterm")), Style::Plain);
    assert_eq!(Style::of(true, None, Some("dumb")), Style::Plain);
    assert_eq!(Style::of(false, None, Some("xterm")), Style::Plain);
}
