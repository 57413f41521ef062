//! What is printed for which sequence of posts and edits. Escape codes are shown as words.

use insta::assert_snapshot;
use shipmate::chat::terminal::{Change, Message, Revision, Screen, Size, Style};
use shipmate::domain::card::{Card, Tone};
use shipmate::ports::Place;

use super::{full_card, running};

const USUAL: Size = Size { columns: 60, rows: 24 };

fn screen() -> Screen {
    Screen::new(Style::Plain, true, USUAL)
}

fn message(id: &str, card: Card) -> Change {
    Change::Message(Message {
        id: id.into(),
        key: id.to_owned(),
        place: Place::Channel("demo".into()),
        card,
        edits: 0,
        touched: Revision(1),
        changed: Revision(1),
        reactions: [].into(),
        offered: Vec::new(),
    })
}

fn show(screen: &mut Screen, changes: &[Change]) -> String {
    let output = screen.show(changes);
    assert!(output.is_empty() || output.ends_with('\n'), "{output:?}");
    let mut shown = output.replace('\r', "").replace("\u{1b}[J", " CLEAR>\n");
    for rows in 1..30 {
        shown = shown.replace(&format!("\u{1b}[{rows}A"), &format!("<UP {rows}"));
    }
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    shown
}

#[test]
fn a_card_at_the_end_is_redrawn_in_place() {
    let mut screen = screen();
    assert_snapshot!(show(&mut screen, &[message("1", running(3))]), @r"
    🚀 #3 core:1.5.0 to staging
       [███░░░░░░░] 3/10 tasks
    ");
    assert_snapshot!(show(&mut screen, &[message("1", running(4))]), @r"
    <UP 3 CLEAR>
    🚀 #3 core:1.5.0 to staging
       [████░░░░░░] 4/10 tasks
    ");
    let done = Card::new(Tone::Good, "staging runs core:1.5.0").text("It took a minute.");
    assert_snapshot!(show(&mut screen, &[message("1", done.clone())]), @r"
    <UP 3 CLEAR>
    ✅ staging runs core:1.5.0
       It took a minute.
    ");
    assert_eq!(show(&mut screen, &[message("1", done)]), "", "nothing has changed");
}

#[test]
fn two_cards_at_the_end_are_both_live() {
    let mut screen = screen();
    show(&mut screen, &[message("1", running(3)), message("2", running(1))]);
    assert_snapshot!(show(&mut screen, &[message("1", running(4))]), @r"
    <UP 6 CLEAR>
    🚀 #3 core:1.5.0 to staging
       [████░░░░░░] 4/10 tasks

    🚀 #3 core:1.5.0 to staging
       [█░░░░░░░░░] 1/10 tasks
    ");
    assert_snapshot!(show(&mut screen, &[message("2", running(2))]), @r"
    <UP 3 CLEAR>
    🚀 #3 core:1.5.0 to staging
       [██░░░░░░░░] 2/10 tasks
    ");
}

#[test]
fn below_a_line_of_a_person_a_tick_is_one_line_and_news_are_short() {
    let mut screen = screen();
    let mut card = running(3).text("Restarting rest-api.").field("Services", vec!["a".to_owned()]);
    show(&mut screen, &[message("1", card.clone())]);
    screen.disturbed();
    card.progress = running(4).progress;
    assert_snapshot!(show(&mut screen, &[message("1", card.clone())]), @"🚀 #3 core:1.5.0 to staging  [████░░░░░░] 4/10 tasks");
    card.progress = running(5).progress;
    assert_snapshot!(show(&mut screen, &[message("1", card.clone())]), @r"
    <UP 1 CLEAR>
    🚀 #3 core:1.5.0 to staging  [█████░░░░░] 5/10 tasks
    ");
    card.tone = Tone::Good;
    assert_snapshot!(show(&mut screen, &[message("1", card.clone())]), @r"
    <UP 1 CLEAR>
    ✅ #3 core:1.5.0 to staging
       Restarting rest-api.
       [█████░░░░░] 5/10 tasks
    ");
    screen.disturbed();
    card.tone = Tone::Bad;
    assert_snapshot!(show(&mut screen, &[message("1", card)]), @r"
    ❌ #3 core:1.5.0 to staging
       Restarting rest-api.
       [█████░░░░░] 5/10 tasks
    ");
}

#[test]
fn a_card_too_high_for_the_screen_is_told_anew() {
    let mut screen = Screen::new(Style::Plain, true, Size { columns: 60, rows: 8 });
    let mut card = full_card();
    show(&mut screen, &[message("1", card.clone())]);
    card.progress = running(8).progress;
    assert_snapshot!(show(&mut screen, &[message("1", card.clone())]), @"⏳ #12 core:1.5.0 and web:2.1.0 t…  [████████░░] 8/10 tasks");
    card.progress = running(9).progress;
    assert_snapshot!(show(&mut screen, &[message("1", card)]), @r"
    <UP 1 CLEAR>
    ⏳ #12 core:1.5.0 and web:2.1.0 t…  [█████████░] 9/10 tasks
    ");
}

#[test]
fn another_width_makes_all_rows_unsure() {
    let mut screen = screen();
    show(&mut screen, &[message("1", running(3))]);
    screen.resized(Size { columns: 60, rows: 50 });
    assert!(show(&mut screen, &[message("1", running(4))]).starts_with("<UP"));
    screen.resized(Size { columns: 40, rows: 50 });
    assert!(!show(&mut screen, &[message("1", running(5))]).contains("<UP"));
}

#[test]
fn where_nothing_can_be_redrawn_ticks_are_not_told() {
    let mut screen = Screen::new(Style::Plain, false, USUAL);
    show(&mut screen, &[message("1", running(3))]);
    assert_eq!(show(&mut screen, &[message("1", running(4))]), "");
    let done = Card::new(Tone::Good, "staging runs core:1.5.0");
    assert_snapshot!(show(&mut screen, &[message("1", done)]), @"✅ staging runs core:1.5.0");
}

#[test]
fn the_terminals_own_words_stay_between_the_cards() {
    let mut screen = screen();
    let note = Change::Note(Card::new(Tone::Warning, "nobody is called mallory"));
    show(&mut screen, &[message("1", running(3)), note]);
    assert_snapshot!(show(&mut screen, &[message("1", running(4))]), @r"
    <UP 5 CLEAR>
    🚀 #3 core:1.5.0 to staging
       [████░░░░░░] 4/10 tasks

    ⚠️ nobody is called mallory
    ");
}
