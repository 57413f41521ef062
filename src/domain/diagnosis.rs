//! What the words mean with which ECS tells why a task stopped: the few reasons that come again
//! and again, told apart. Nothing here writes sentences.

use super::observation::{StopCause, Stopped};

/// Why a task stopped, where its own words say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// The registry has no such image.
    ImageNotFound,
    /// The registry, or a secret that the task needs, may not be read.
    MayNotPull,
    /// The registry cannot be reached from where the task runs.
    NoWayToRegistry,
    /// The registry gives no more for now.
    PulledTooOften,
    /// There is no room for the image.
    DiskFull,
    /// The image is not for the processor that the task runs on.
    OtherProcessor,
    /// It could not be pulled, for another reason.
    CannotPull,
    /// What it is started with is not in the image.
    NoSuchProgram,
    /// It took more memory than it may.
    OutOfMemory,
    /// Its own health check failed.
    OwnHealthCheck,
    /// The load balancer's health check failed.
    LoadBalancer,
    /// There is no host with room for it.
    NoRoom,
}

impl Diagnosis {
    /// What a task stopped of; `None`: its words say no more than they say.
    pub fn of(stopped: &Stopped) -> Option<Self> {
        let text = stopped.reason.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["outofmemory", "out of memory"]) {
            return Some(Self::OutOfMemory);
        }
        if stopped.cause == StopCause::Unhealthy {
            let balancer = says(&["elb", "target-group", "target group", "load balancer"]);
            return Some(if balancer { Self::LoadBalancer } else { Self::OwnHealthCheck });
        }
        if says(&["executable file not found", "no such file or directory: unknown"]) {
            return Some(Self::NoSuchProgram);
        }
        if says(&["exec format error", "matching platform", "no matching manifest"]) {
            return Some(Self::OtherProcessor);
        }
        if says(&["cannotpull", "pull image", "registry auth", "unable to pull"]) {
            return Some(Self::of_pull(&says));
        }
        let no_room = says(&[
            "no container instance",
            "insufficient memory",
            "insufficient cpu",
            "resource:memory",
            "resource:cpu",
            "resource:ports",
            "resource:eni",
            "resource:gpu",
        ]);
        no_room.then_some(Self::NoRoom)
    }

    /// In this order: what forbids a pull often says in passing that there may be no such image.
    fn of_pull(says: &dyn Fn(&[&str]) -> bool) -> Self {
        if says(&["toomanyrequests", "rate limit", "rate exceeded", "429 too many"]) {
            Self::PulledTooOften
        } else if says(&["no space left", "disk quota"]) {
            Self::DiskFull
        } else if says(&[
            "denied",
            "not authorized",
            "unauthorized",
            "forbidden",
            "no basic auth",
            "authorization token",
        ]) {
            Self::MayNotPull
        } else if says(&["not found", "manifest unknown", "does not exist"]) {
            Self::ImageNotFound
        } else if says(&[
            "timeout",
            "deadline exceeded",
            "awaiting headers",
            "request canceled",
            "no such host",
            "connection refused",
            "connection reset",
            "no route",
            "network",
            "dial tcp",
        ]) {
            Self::NoWayToRegistry
        } else {
            Self::CannotPull
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cause: StopCause, reason: &str) -> Option<Diagnosis> {
        let reason = reason.to_owned();
        Diagnosis::of(&Stopped { cause, reason, exit_code: None, container: None })
    }

    /// Wordings out of AWS's pages on task errors, with names changed.
    #[test]
    fn the_words_of_ecs_are_told_apart() {
        use Diagnosis::*;
        for (expected, reason) in [
            (
                ImageNotFound,
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/x:latest: docker.io/library/x:latest: not found",
            ),
            (
                ImageNotFound,
                "CannotPullContainerError: Error response from daemon: manifest for x:2 not found: manifest unknown",
            ),
            (
                MayNotPull,
                "CannotPullContainerError: Error response from daemon: pull access denied for x, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: ecr:BatchGetImage",
            ),
            (
                MayNotPull,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue",
            ),
            (
                MayNotPull,
                "CannotPullECRContainerError: AccessDeniedException: User is not authorized to perform: ecr:GetAuthorizationToken",
            ),
            (
                MayNotPull,
                "CannotPullContainerError: AccessDeniedException: User: arn:aws:sts::442912345678:assumed-role/x/y is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:442912345678:repository/x because no identity-based policy allows the ecr:BatchGetImage action",
            ),
            (NoRoom, "No Container Instances were found in your cluster. Reason: RESOURCE:MEMORY"),
            (
                NoWayToRegistry,
                "CannotPullContainerError: inspect image has been retried 5 time(s): failed to resolve ref: failed to do request: Head https://x: dial tcp 10.0.0.1:443: i/o timeout",
            ),
            (
                NoWayToRegistry,
                "ResourceInitializationError: unable to pull secrets or registry auth: pull command failed: signal: killed: check your task network configuration",
            ),
            (
                PulledTooOften,
                "CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code: 429 Too Many Requests - toomanyrequests: You have reached your pull rate limit",
            ),
            (
                DiskFull,
                "CannotPullContainerError: failed to register layer: write /x: no space left on device",
            ),
            (
                OtherProcessor,
                "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
            ),
            (CannotPull, "CannotPullContainerError: context canceled"),
            (
                NoSuchProgram,
                "CannotStartContainerError: OCI runtime create failed: exec: \"serve\": executable file not found in $PATH: unknown",
            ),
        ] {
            assert_eq!(of(StopCause::NeverStarted, reason), Some(expected), "{reason}");
        }
        let oom = "Essential container in task exited: OutOfMemoryError: Container killed due to memory usage";
        assert_eq!(of(StopCause::Exited, oom), Some(OutOfMemory));
        let own = "Task failed container health checks";
        assert_eq!(of(StopCause::Unhealthy, own), Some(OwnHealthCheck));
        let balancer =
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:x)";
        assert_eq!(of(StopCause::Unhealthy, balancer), Some(LoadBalancer));
        assert_eq!(of(StopCause::Exited, "Essential container in task exited"), None);
    }
}
