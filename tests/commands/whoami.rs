//! `whoami`: a person's roles and what the policies let them do, told to them alone.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn everybody() {
    let mut world = World::start().await;
    for person in ["alice", "bob", "dave", "eve"] {
        world.say(person, "who am I?").await;
        let messages = world.messages();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].private_to().map(|one| one.as_str()), Some(person));
        assert_snapshot!(person, world.text());
    }
}
