//! Why a task stopped: what ECS says of it, and which of its containers it stopped for.

use aws_sdk_ecs::types::{Container, Task as SdkTask, TaskStopCode};

use crate::domain::observation::{StopCause, Stopped};

/// Exit codes of what was told to stop, because something else had ended: SIGKILL and SIGTERM.
const TOLD_TO_STOP: [i32; 2] = [137, 143];

/// `own`: the name of the container that runs the image.
pub(super) fn read_stop(task: &SdkTask, own: &str) -> Stopped {
    let reason = task.stopped_reason().unwrap_or_default();
    let cause = match task.stop_code() {
        Some(TaskStopCode::EssentialContainerExited) => StopCause::Exited,
        Some(TaskStopCode::TaskFailedToStart) => StopCause::NeverStarted,
        Some(TaskStopCode::ServiceSchedulerInitiated) if reason.contains("health check") => {
            StopCause::Unhealthy
        }
        Some(_) | None => StopCause::Other,
    };
    let container = culprit(task.containers(), own);
    let detail = container.and_then(Container::reason).filter(|detail| !reason.contains(*detail));
    Stopped {
        cause,
        reason: match detail {
            Some(detail) if reason.is_empty() => detail.to_owned(),
            Some(detail) => format!("{reason}: {detail}"),
            None => reason.to_owned(),
        },
        exit_code: container.and_then(Container::exit_code),
        container: container.and_then(Container::name).map(str::to_owned),
    }
}

/// ECS does not say which container a task stopped for, and when one ends, the others are told
/// to. So it is the one that says why, else one that ended by itself, badly or not, else our own.
fn culprit<'a>(containers: &'a [Container], own: &str) -> Option<&'a Container> {
    let is_own = |container: &&Container| container.name() == Some(own);
    // Our own first, where several would do.
    let mut ordered: Vec<&Container> = containers.iter().filter(is_own).collect();
    ordered.extend(containers.iter().filter(|one| !is_own(one)));
    let says_why = |one: &&Container| one.reason().is_some_and(|reason| !reason.is_empty());
    let ended_badly = |one: &&Container| {
        one.exit_code().is_some_and(|code| code != 0 && !TOLD_TO_STOP.contains(&code))
    };
    let by_itself =
        |one: &&Container| one.exit_code().is_some_and(|code| !TOLD_TO_STOP.contains(&code));
    let mut candidates = ordered.iter().copied();
    candidates
        .clone()
        .find(says_why)
        .or_else(|| candidates.clone().find(ended_badly))
        .or_else(|| candidates.clone().find(by_itself))
        .or_else(|| candidates.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, exit_code: Option<i32>, reason: Option<&str>) -> Container {
        Container::builder()
            .name(name)
            .set_exit_code(exit_code)
            .set_reason(reason.map(str::to_owned))
            .build()
    }

    fn named(containers: &[Container]) -> Option<&str> {
        culprit(containers, "app").and_then(Container::name)
    }

    #[test]
    fn what_was_stopped_after_another_container_is_not_blamed() {
        let sidecar_died = [container("app", Some(143), None), container("proxy", Some(1), None)];
        assert_eq!(named(&sidecar_died), Some("proxy"));
        let app_died = [container("proxy", Some(137), None), container("app", Some(1), None)];
        assert_eq!(named(&app_died), Some("app"));
        let both = [container("proxy", Some(2), None), container("app", Some(1), None)];
        assert_eq!(named(&both), Some("app"));
        let oom = [
            container("app", Some(1), None),
            container("proxy", Some(137), Some("OutOfMemoryError: Container killed")),
        ];
        assert_eq!(named(&oom), Some("proxy"));
        let ended = [container("app", Some(143), None), container("proxy", Some(0), None)];
        assert_eq!(named(&ended), Some("proxy"));
        let nobody_says = [container("proxy", Some(0), None), container("app", Some(0), None)];
        assert_eq!(named(&nobody_says), Some("app"));
        assert_eq!(named(&[]), None);
    }
}
