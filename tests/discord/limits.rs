//! Discord's limits are kept whatever a plan, a story or a reason holds: nothing is refused for
//! its size, and what does not fit is to be read elsewhere.

use std::fmt::Write;

use shipmate::sandbox::{ContainerSpec, ServiceSpec, demo_world};

use super::bot::{ALICE, BOB, Bot, CAROL, OPS, Setup, shown};
use super::fake::FakeDiscord;

/// Requests that Discord took for wrong.
fn assert_none_refused(fake: &FakeDiscord) {
    for request in fake.requests() {
        // Whether there is a thread already is asked by making it.
        let there = request.path.ends_with("/threads") && request.status == 400;
        assert!(request.status < 400 || there, "{request:#?}");
    }
    assert_eq!(fake.invalid_requests(), 0);
}

/// The longest names that ECS takes, nearly.
fn long_name(number: usize) -> String {
    format!("{}-{number:02}", "checkout-payments-and-invoices_".repeat(8))
}

#[tokio::test]
async fn sixty_services_with_long_names() {
    let mut setup = Setup::default();
    let mut aws = demo_world();
    for number in 0..60 {
        let container = ContainerSpec::new("app", "core:staging-latest").unpinned();
        let service = ServiceSpec::new("staging", &long_name(number), 1, container);
        aws = aws.service(service.percent(0, 200));
        write!(
            setup.settings,
            "\n[services.{}]\nrepository = \"core\"\ncontainer = \"app\"\nenvironments = [\"staging\"]\n",
            long_name(number)
        )
        .unwrap();
    }
    setup.aws = aws;
    let bot = setup.start().await;
    let reason = "why_".repeat(440);
    bot.asks(ALICE, OPS, "promote core:1.5.0 to staging dry run").await;
    let asked = bot.says(ALICE, OPS, &format!("promote core:1.5.0 to staging because {reason}"));
    let end = bot.reply_to(OPS, asked).await;
    assert!(shown(&end).contains("succeeded"), "{}", shown(&end));
    let card = bot.card_says(1, "succeeded").await;
    bot.asks(ALICE, OPS, "status staging").await;
    bot.asks(ALICE, OPS, "show 1").await;
    bot.asks(ALICE, OPS, "history").await;
    // Sixty restarts are told beside the card.
    let thread = bot.fake.thread(card.id).unwrap();
    let story = |fake: &FakeDiscord| {
        fake.messages_of_bot(thread).iter().map(shown).collect::<Vec<_>>().join("\n")
    };
    bot.until("the story is whole", |fake| story(fake).contains("succeeded: ")).await;
    for number in 0..60 {
        let name = long_name(number).replace('_', "\\_");
        assert!(story(&bot.fake).contains(&name), "{name}");
    }
    assert_none_refused(&bot.fake);
}

#[tokio::test]
async fn a_card_that_does_not_fit_links_to_the_rest() {
    let mut setup = Setup::default();
    let mut aws = demo_world();
    // Each of these is a line of the plan, and a warning as long.
    for number in 0..12 {
        let container = ContainerSpec::new("app", "core:production-latest").unpinned();
        let service = ServiceSpec::new("production", &long_name(number), 2, container);
        aws = aws.service(service.percent(50, 200));
        write!(
            setup.settings,
            "\n[services.{}]\nrepository = \"core\"\ncontainer = \"app\"\nenvironments = [\"production\"]\n",
            long_name(number)
        )
        .unwrap();
    }
    setup.aws = aws;
    let bot = setup.start().await;
    bot.verified_on_staging("core", "1.5.0").await;
    let reason = "*".repeat(1800);
    bot.says(ALICE, OPS, &format!("promote core:1.5.0 to production because {reason}"));
    let card = bot.waiting(1).await;
    let link = format!("[the rest](https://discord.com/channels/1000/{})", card.id);
    bot.card_says(1, &link).await;
    let thread = bot.fake.thread(card.id).expect("there is a thread");
    let rest = bot.said(thread);
    let text = shown(&bot.find_card(1).unwrap());
    // What came last is there and not here.
    let last = "production-previous keeps core:1.4.1";
    assert!(!text.contains(last) && rest.contains(last), "{text}\n\n{rest}");
    for person in [BOB, CAROL] {
        bot.fake.react(person, OPS, card.id, "✅");
    }
    bot.card_says(1, "succeeded").await;
    assert_none_refused(&bot.fake);
}

#[tokio::test]
async fn a_long_story_is_told_in_several_messages() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    let reason = "x".repeat(1900);
    for _ in 0..40 {
        bot.fake.react(BOB, OPS, card.id, "✅");
        bot.card_says(1, "1 of 2 agreed").await;
        bot.fake.unreact(BOB, OPS, card.id, "✅");
        bot.card_says(1, "Needs 2 votes").await;
    }
    bot.asks(CAROL, OPS, &format!("reject 1 because {reason}")).await;
    bot.card_says(1, "rejected").await;
    let asked = bot.says(ALICE, OPS, "show 1");
    let story = bot.reply_to(OPS, asked).await;
    bot.until("the end of it follows", |fake| {
        let all = fake.messages_of_bot(OPS).into_iter().filter(|told| told.id >= story.id);
        all.map(|told| shown(&told)).collect::<String>().contains("rejected by")
    })
    .await;
    let whole: String = bot
        .fake
        .messages_of_bot(OPS)
        .iter()
        .filter(|told| told.id >= story.id)
        .map(shown)
        .collect();
    assert!(whole.contains("lines left out"), "{whole}");
    assert!(whole.matches("took the vote back").count() >= 20, "{whole}");
    let alone = bot.fake.slash(ALICE, OPS, "help", &[]).unwrap();
    bot.answers(&alone, "What you can say").await;
    assert_none_refused(&bot.fake);
}
