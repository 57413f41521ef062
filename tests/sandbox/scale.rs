//! A large world: a hundred services of ten tasks are all replaced, and nothing waits for anything
//! else.

use std::time::{Duration, Instant};

use shipmate::sandbox::{ImageSpec, RepositorySpec, World};

use super::{LONG, clients, fast};

#[tokio::test]
async fn a_thousand_tasks_are_replaced_at_once() {
    let app = RepositorySpec::new("app")
        .image(ImageSpec::new("1").tag("live"))
        .image(ImageSpec::new("2"));
    let world = World::new().repository(app).many_services("blue", 100, 10, "app:live");
    let sandbox = fast(world).await;
    let ecs = clients(&sandbox).await.ecs;
    let digest = sandbox.put_tag("app", "live", "2").unwrap();
    let began = Instant::now();
    for service in sandbox.services() {
        for task in service.tasks {
            ecs.stop_task().cluster("blue").task(task.arn).send().await.unwrap();
        }
    }
    assert_eq!(sandbox.count_calls("StopTask"), 1_000);
    let until = Instant::now() + LONG;
    while !sandbox.services().iter().all(|service| service.runs("app", &digest)) {
        assert!(Instant::now() < until, "after {:?} not all tasks are replaced", began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn ten_thousand_tasks_are_made_and_listed_quickly() {
    let app = RepositorySpec::new("app").image(ImageSpec::new("1").tag("live"));
    let began = Instant::now();
    let sandbox =
        fast(World::new().repository(app).many_services("blue", 1_000, 10, "app:live")).await;
    let ecs = clients(&sandbox).await.ecs;
    let mut pages = ecs.list_tasks().cluster("blue").into_paginator().items().send();
    let mut count = 0;
    while let Some(arn) = pages.next().await {
        arn.unwrap();
        count += 1;
    }
    assert_eq!((count, sandbox.count_calls("ListTasks")), (10_000, 100));
    // It takes a second or so without optimisation; this is for what grows with the square.
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}
