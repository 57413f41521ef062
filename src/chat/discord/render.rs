//! A card as a message of Discord's: an embed and buttons, within Discord's limits whatever the
//! card holds. Sends nothing.

use serde_json::{Value, json};

use super::ids::Spot;
use super::markup::{self, NameOf};
use super::press::Press;
use crate::domain::card::{About, Card, CardAction, Control, Line, Offer, Progress, Tone, plain};
use crate::domain::id::EnvironmentName;

/// Discord's limits for an embed, in characters.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FIELDS: usize = 25;
const FOOTER: usize = 2048;
/// Over all texts of a message's embeds; Discord allows 6,000, of which some are kept for the
/// link to what was left out.
const TOTAL: usize = 5700;
/// The longest words on a button.
const LABEL: usize = 80;
/// The longest text of a message without an embed.
pub const CONTENT: usize = 2000;

/// What stands for a field's name where it goes on: Discord wants one.
const NO_NAME: &str = "\u{200b}";

/// What a message needs to know beside its card.
pub struct Frame<'a> {
    pub guild: u64,
    pub name_of: NameOf<'a>,
    /// By which the message is found again; stands in the footer.
    pub marker: Option<&'a str>,
    /// Where what did not fit is to be read.
    pub rest_at: Option<&'a str>,
    /// Whether everybody can open a channel's messages.
    pub is_room: &'a dyn Fn(u64) -> bool,
}

/// A message, and the lines that did not fit into it.
pub struct Rendered {
    pub embed: Value,
    pub components: Value,
    pub rest: Vec<String>,
}

/// Draws a card.
pub fn render(card: &Card, frame: &Frame<'_>) -> Rendered {
    let title = format!("{} {}", card.tone.sign(), card.title);
    let mut title = cut(&markup::title(&title, frame.name_of), TITLE);
    if card.title.is_empty() {
        title.clear();
    }
    // Nothing is marked up there.
    let footer = card.footer.as_deref().map(plain);
    let footer = [footer.as_deref(), frame.marker].into_iter().flatten();
    let footer = cut(&footer.collect::<Vec<_>>().join(" · "), FOOTER.min(200));
    let mut room = Room { left: TOTAL - length(&title) - length(&footer), rest: Vec::new() };

    let description = room.take(description(card), DESCRIPTION);
    let mut fields = Vec::new();
    for field in &card.fields {
        let name = shown_or_blank(cut(&markup::text(&field.name), FIELD_NAME));
        let lines = field.lines.iter().map(|line| markup::text(line)).collect();
        room.field(&mut fields, &name, lines);
    }
    let links = links(card, frame);
    if !links.is_empty() {
        room.field(&mut fields, "Links", links);
    }
    let mut embed = json!({ "color": colour(card.tone) });
    if !title.is_empty() {
        embed["title"] = title.into();
    }
    let mut description = description.join("\n");
    if !room.rest.is_empty() {
        let more = frame.rest_at.map_or_else(
            || "… what did not fit follows.".to_owned(),
            |address| format!("… [the rest]({address})"),
        );
        description = format!("{description}\n{more}");
    }
    if !description.is_empty() {
        embed["description"] = description.into();
    }
    if !fields.is_empty() {
        embed["fields"] = fields.into();
    }
    if !footer.is_empty() {
        embed["footer"] = json!({ "text": footer });
    }
    Rendered { embed, components: buttons(card), rest: room.rest }
}

/// What is left of a message's room, and what found none.
struct Room {
    left: usize,
    rest: Vec<String>,
}

impl Room {
    /// As many of the lines as fit, in order; from the first that does not, all go to the rest.
    fn take(&mut self, lines: Vec<String>, most: usize) -> Vec<String> {
        // A line of the link to the rest may follow.
        let mut left = self.left.min(most.saturating_sub(200));
        let mut taken = Vec::new();
        for line in lines {
            let size = length(&line) + 1;
            if self.rest.is_empty() && size <= left {
                left -= size;
                self.left -= size;
                taken.push(line);
            } else {
                self.rest.push(line);
            }
        }
        taken
    }

    /// A field, and as many that go on with it as it needs.
    fn field(&mut self, fields: &mut Vec<Value>, name: &str, lines: Vec<String>) {
        let mut name = name;
        let mut lines: Vec<String> = lines.iter().map(|line| cut(line, FIELD_VALUE)).collect();
        while !lines.is_empty() {
            let overhead = length(name) + 1;
            let mut size = 0;
            let fitting = lines
                .iter()
                .take_while(|line| {
                    size += length(line) + 1;
                    size <= FIELD_VALUE && overhead + size <= self.left
                })
                .count();
            if fitting == 0 || fields.len() >= FIELDS || !self.rest.is_empty() {
                self.rest.push(format!("**{name}**"));
                self.rest.append(&mut lines);
                return;
            }
            let behind = lines.split_off(fitting);
            let value = shown_or_blank(lines.join("\n"));
            self.left -= overhead + length(&value);
            fields.push(json!({ "name": name, "value": value }));
            lines = behind;
            name = NO_NAME;
        }
    }
}

/// Discord takes no text that is empty or blank.
fn shown_or_blank(text: String) -> String {
    if text.trim().is_empty() { NO_NAME.to_owned() } else { text }
}

fn description(card: &Card) -> Vec<String> {
    let line = |line: &Line| match line {
        Line::Text(text) => markup::text(text),
        Line::Warning(text) => format!("⚠ {}", markup::text(text)),
        Line::Command(text) => format!("› {}", markup::code(text)),
    };
    let lines = card.lines.iter().map(line);
    // Newlines inside a text are lines as well, so that a long text can be cut between them.
    let mut lines: Vec<String> =
        lines.flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.extend(card.progress.as_ref().map(bar));
    lines
}

/// `[████░░░░░░] 4/10 tasks good`
fn bar(progress: &Progress) -> String {
    let Progress { done, total, label } = progress;
    let cells = progress.cells();
    format!("`[{cells}]` {done}/{total} {}", markup::text(label)).trim_end().to_owned()
}

/// What was said in private is a link for nobody else.
fn links(card: &Card, frame: &Frame<'_>) -> Vec<String> {
    let link = |link: &crate::domain::card::Link| {
        let spot = Spot::of(&link.message).filter(|spot| (frame.is_room)(spot.channel))?;
        Some(format!("[{}]({})", markup::text(&link.label), spot.address(frame.guild)))
    };
    card.links.iter().filter_map(link).collect()
}

/// The colour says the same as the sign before the title.
fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Plain => 0x95_a5_a6,
        Tone::Waiting => 0x34_98_db,
        Tone::Running => 0x1a_bc_9c,
        Tone::Good => 0x2e_cc_71,
        Tone::Warning => 0xf1_c4_0f,
        Tone::Bad => 0xe7_4c_3c,
    }
}

/// Discord's styles of buttons.
const GREY: u8 = 2;
const GREEN: u8 = 3;
const RED: u8 = 4;

/// A row has so many buttons at most.
const ROW: usize = 5;

fn buttons(card: &Card) -> Value {
    let mut row = match &card.about {
        Some(about) => about_buttons(card, about),
        None => card.unlock.iter().filter_map(unlock_button).collect(),
    };
    for offer in card.offers.iter().filter_map(offer_button) {
        // Discord takes no message in which two buttons are called the same.
        if row.iter().all(|other| other["custom_id"] != offer["custom_id"]) {
            row.push(offer);
        }
    }
    row.truncate(ROW);
    if row.is_empty() { json!([]) } else { json!([{ "type": 1, "components": row }]) }
}

/// A line to say; `None`: it is too long for a button, and can still be typed.
fn offer_button(offer: &Offer) -> Option<Value> {
    let Offer { label, sign, line } = offer;
    Some(json!({
        "type": 2, "style": GREY, "label": cut(label, LABEL), "emoji": { "name": sign },
        "custom_id": Press::say(line)?.id(),
    }))
}

/// What can be done to the deployment that a card tells of.
fn about_buttons(card: &Card, about: &About) -> Vec<Value> {
    let button = |action: &CardAction| {
        let (style, label) = match action {
            CardAction::Approve => (GREEN, "Approve"),
            CardAction::Reject => (RED, "Reject"),
            CardAction::Cancel => (GREY, "Cancel"),
        };
        json!({
            "type": 2, "style": style, "label": label, "emoji": { "name": action.emoji() },
            "custom_id": Press::Act { action: *action, deployment: about.deployment.0 }.id(),
        })
    };
    let mut row: Vec<Value> = card.actions.iter().map(button).collect();
    row.extend(card.controls.iter().map(|control| {
        let label = match control {
            Control::Pause => "Pause",
            Control::Continue => "Continue",
        };
        let press = Press::Control { control: *control, deployment: about.deployment.0 };
        json!({
            "type": 2, "style": GREY, "label": label, "emoji": { "name": control.emoji() },
            "custom_id": press.id(),
        })
    }));
    // Where the name is too long for a button it can still be said.
    if card.rollback && Press::fits(about.environment.as_str()) {
        let press = Press::RollBack { environment: about.environment.to_string() };
        row.push(json!({
            "type": 2, "style": RED, "label": "Roll back", "emoji": { "name": "↩️" },
            "custom_id": press.id(),
        }));
    }
    if card.ban {
        row.push(json!({
            "type": 2, "style": GREY, "label": "Ban the image", "emoji": { "name": "⛔" },
            "custom_id": Press::Ban { deployment: about.deployment.0 }.id(),
        }));
    }
    row
}

/// The button of a card that asks about a lock. Where the name is too long for one, it can still
/// be said.
fn unlock_button(environment: &EnvironmentName) -> Option<Value> {
    Press::fits(environment.as_str()).then(|| {
        let press = Press::Unlock { environment: environment.to_string() };
        json!({
            "type": 2, "style": GREY, "label": "Unlock", "emoji": { "name": "🔓" },
            "custom_id": press.id(),
        })
    })
}

/// The message that only the person sees who wants to roll back.
pub fn confirmation(environment: &str, card: Spot) -> Value {
    let press = Press::RollBackSurely { environment: environment.to_owned(), card };
    json!({
        "embeds": [{
            "title": format!("⚠️ Roll {} back?", markup::title(environment, &str::to_owned)),
            "description": "What ran before is promoted again: the tag moves back and the tasks are replaced.",
            "color": colour(Tone::Warning),
        }],
        "components": [{ "type": 1, "components": [
            { "type": 2, "style": RED, "label": "Yes, roll back", "emoji": { "name": "↩️" },
              "custom_id": press.id() },
        ] }],
        "allowed_mentions": { "parse": [] },
        "flags": 64,
    })
}

/// How long Discord finds a text.
pub fn length(text: &str) -> usize {
    // It counts UTF-16 units in some places and characters in others; the larger is safe.
    text.encode_utf16().count()
}

/// At most so many characters, and a sign where some are missing.
pub fn cut(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut size = 1;
    for character in text.chars() {
        size += character.len_utf16();
        if size > most {
            break;
        }
        kept.push(character);
    }
    // A cut must not leave an escape that would swallow the sign.
    format!("{}…", kept.trim_end_matches('\\').trim_end())
}

/// A line in pieces of at most so many characters, none of which ends inside an escape.
fn pieces(line: &str, most: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut size, mut characters) = (0, line.chars());
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        let width = character.len_utf16() + escaped.map_or(0, char::len_utf16);
        if size + width > most {
            pieces.push(String::new());
            size = 0;
        }
        size += width;
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
            piece.extend(escaped);
        }
    }
    pieces
}

/// Lines joined to texts that each fit one message.
pub fn chunks(lines: &[String]) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for line in lines.iter().flat_map(|line| pieces(line, CONTENT)) {
        match chunks.last_mut() {
            Some(last) if length(last) + 1 + length(&line) <= CONTENT => {
                last.push('\n');
                last.push_str(&line);
            }
            Some(_) | None => chunks.push(line),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::card::{Field, Link};
    use crate::domain::id::DeploymentId;

    fn frame<'a>(name_of: NameOf<'a>) -> Frame<'a> {
        let is_room = &|channel| channel == 2000;
        Frame { guild: 1000, name_of, marker: Some("1a2b"), rest_at: None, is_room }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![".{0,40}", "[a-z*_<@ ]{0,3000}", "(🚀|\\*){0,1500}", "(.{0,30}\n){0,60}"]
    }

    fn card() -> impl Strategy<Value = Card> {
        let line = text().prop_map(Line::Text);
        let field = (text(), prop::collection::vec(text(), 0..8))
            .prop_map(|(name, lines)| Field { name, lines });
        (text(), prop::collection::vec(line, 0..8), prop::collection::vec(field, 0..30))
            .prop_map(|(title, lines, fields)| Card { title, lines, fields, ..Card::default() })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn whatever_a_card_holds_discord_takes_it(card in card()) {
            let name_of = |id: &str| id.to_owned();
            let rendered = render(&card, &frame(&name_of));
            let of = |value: &Value| value.as_str().map_or(0, length);
            let embed = &rendered.embed;
            prop_assert!(of(&embed["title"]) <= TITLE);
            prop_assert!(of(&embed["description"]) <= DESCRIPTION);
            prop_assert!(of(&embed["footer"]["text"]) <= FOOTER);
            let none = Vec::new();
            let fields = embed["fields"].as_array().unwrap_or(&none);
            prop_assert!(fields.len() <= FIELDS);
            let mut total = of(&embed["title"]) + of(&embed["description"]) + of(&embed["footer"]["text"]);
            for field in fields {
                let (name, value) = (of(&field["name"]), of(&field["value"]));
                prop_assert!((1..=FIELD_NAME).contains(&name) && (1..=FIELD_VALUE).contains(&value));
                total += name + value;
            }
            prop_assert!(total <= 6000, "{total}");
            for chunk in chunks(&rendered.rest) {
                prop_assert!(length(&chunk) <= CONTENT);
            }
        }
    }

    #[test]
    fn a_long_line_goes_on_in_the_next_message() {
        let line = r"\*".repeat(1500);
        let chunks = chunks(std::slice::from_ref(&line));
        assert_eq!(chunks.len(), 2);
        assert!(chunks.iter().all(|chunk| chunk.len() <= CONTENT && chunk.starts_with('\\')));
        assert_eq!(chunks.concat(), line);
    }

    #[test]
    fn what_fits_is_whole_and_what_does_not_is_told() {
        let name_of = |id: &str| id.to_owned();
        let short = Card::new(Tone::Good, "done").text("all of it");
        let rendered = render(&short, &frame(&name_of));
        assert!(rendered.rest.is_empty());
        assert_eq!(rendered.embed["title"], "✅ done");
        assert_eq!(rendered.embed["description"], "all of it");
        let lines = (0..200).map(|line| format!("line {line} {}", "x".repeat(40))).collect();
        let long = Card::new(Tone::Good, "done").field("Story", lines);
        let rendered = render(&long, &frame(&name_of));
        let shown = rendered.embed["fields"].to_string();
        for line in 0..200 {
            let line = format!("line {line} ");
            let left_out = rendered.rest.iter().any(|rest| rest.contains(&line));
            assert!(shown.contains(&line) != left_out, "{line} is in one place");
        }
    }

    #[test]
    fn buttons_stand_where_their_ids_are_short_enough() {
        let about = About { deployment: DeploymentId(42), environment: "staging".into() };
        let mut card = Card::new(Tone::Good, "done");
        assert_eq!(buttons(&card), json!([]));
        card.unlock = Some("staging".into());
        assert_eq!(buttons(&card)[0]["components"][0]["custom_id"], "unlock:staging");
        card.about = Some(about);
        card.rollback = true;
        assert_eq!(buttons(&card)[0]["components"][0]["custom_id"], "rollback:staging");
        let environment = "x".repeat(60).as_str().into();
        card.about = Some(About { deployment: DeploymentId(42), environment });
        assert_eq!(buttons(&card), json!([]));
    }

    #[test]
    fn a_line_is_a_button_where_it_fits_and_is_one_line() {
        let line = "promote core:1.5.0 to staging on 2026-11-24 at 11:00";
        let card = Card::new(Tone::Bad, "no").offer("When it ends", '⏰', line);
        let expected = json!([{ "type": 1, "components": [{
            "type": 2, "style": GREY, "label": "When it ends", "emoji": { "name": "⏰" },
            "custom_id": format!("say:{line}"),
        }] }]);
        assert_eq!(buttons(&card), expected);
        // Discord would not take the same one twice.
        assert_eq!(buttons(&card.offer("When it ends", '⏰', line)), expected);

        let longest = "ü".repeat(96);
        let offered = |line: &str| buttons(&Card::new(Tone::Bad, "no").offer("Go", '⏰', line));
        assert_eq!(offered(&longest)[0]["components"][0]["custom_id"], format!("say:{longest}"));
        for strange in [format!("{longest}ü"), "status\nunlock staging".to_owned(), " ".to_owned()]
        {
            assert_eq!(offered(&strange), json!([]), "{strange:?}");
        }
    }

    #[test]
    fn what_was_asked_in_private_is_no_link_in_the_channel() {
        let name_of = |id: &str| id.to_owned();
        let mut card = Card::new(Tone::Good, "done");
        for (label, message) in [("the plan", "2000/7"), ("the request", "9000/8")] {
            card.links.push(Link { label: label.to_owned(), message: message.into() });
        }
        let rendered = render(&card, &frame(&name_of));
        let links = "[the plan](https://discord.com/channels/1000/2000/7)";
        assert_eq!(rendered.embed["fields"][0]["value"], links);
    }
}
