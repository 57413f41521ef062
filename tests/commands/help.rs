//! `help`: out of the commands' own files, and to the person alone.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn everything_and_one_command() {
    let mut world = World::start().await;
    for (name, line) in
        [("everything", "help"), ("promote", "help promote"), ("question", "how do I approve?")]
    {
        world.say("eve", line).await;
        let messages = world.messages();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].private_to().map(|one| one.as_str()), Some("eve"));
        assert_snapshot!(name, world.text());
    }
}

#[tokio::test]
async fn about_nothing_that_there_is() {
    let mut world = World::start().await;
    world.say("eve", "help with flying").await;
    assert_snapshot!(world.text());
}
