//! What a call is about, as IAM sees it: the ARNs of its resources, and the keys of its context, by
//! the service authorization reference of ECS, ECR and CloudWatch Logs. Must not decide anything.

use serde_json::Value;

use super::super::state::State;

/// A call, as far as it matters here.
#[derive(Clone, Copy)]
pub(in super::super) struct Request<'a> {
    /// `ecs`, `ecr` or `logs`.
    pub(in super::super) service: &'a str,
    pub(in super::super) operation: &'a str,
    pub(in super::super) input: &'a Value,
}

/// One resource that a call is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// An ARN; `*` for calls that are about no resource.
    pub(super) resource: String,
    /// The ARN of the cluster that it is in.
    cluster: Option<String>,
}

impl Subject {
    fn new(resource: impl Into<String>) -> Subject {
        Subject { resource: resource.into(), cluster: None }
    }

    fn within(self, cluster: &str) -> Subject {
        Subject { cluster: Some(cluster.to_owned()), ..self }
    }

    /// The value of a condition's key.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.cluster.as_deref().filter(|_| key == "ecs:cluster")
    }
}

impl Request<'_> {
    /// `ecs:StopTask`
    pub(super) fn action(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    /// What it is about; never nothing.
    pub(super) fn subjects(&self, state: &State) -> Vec<Subject> {
        let subjects = match self.service {
            "ecs" => self.of_ecs(state),
            "ecr" => self.of_ecr(state),
            _ => self.of_logs(state),
        };
        if subjects.is_empty() { vec![Subject::new("*")] } else { subjects }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.input[name].as_str()
    }

    fn texts(&self, name: &str) -> Vec<&str> {
        self.input[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn of_ecs(&self, state: &State) -> Vec<Subject> {
        let cluster = short(self.text("cluster").unwrap_or("default"));
        let cluster_arn = state.arn(&format!("cluster/{cluster}"));
        // A name, or an ARN, which says itself what it is.
        let inside = |kind: &str, name: &str| {
            let named = state.arn(&format!("{kind}/{cluster}/{}", short(name)));
            Subject::new(if name.starts_with("arn:") { name } else { &named }).within(&cluster_arn)
        };
        let all =
            |kind: &str, names: Vec<&str>| names.iter().map(|name| inside(kind, name)).collect();
        // What has its cluster in its ARN alone.
        let by_arn = |arns: Vec<&str>| {
            let cluster = |arn: &str| arn.split('/').nth(1).unwrap_or_default().to_owned();
            let subject = |arn: &&str| {
                Subject::new(*arn).within(&state.arn(&format!("cluster/{}", cluster(arn))))
            };
            arns.iter().map(subject).collect()
        };
        match self.operation {
            "DescribeClusters" => {
                let mut names = self.texts("clusters");
                if names.is_empty() {
                    names.push("default");
                }
                let arn = |name: &&str| state.arn(&format!("cluster/{}", short(name)));
                names.iter().map(arn).map(|arn| Subject::new(&arn).within(&arn)).collect()
            }
            "DescribeServices" => all("service", self.texts("services")),
            "UpdateService" | "DeleteService" | "ListServiceDeployments" => {
                all("service", self.text("service").into_iter().collect())
            }
            "CreateService" => all("service", self.text("serviceName").into_iter().collect()),
            "DescribeTasks" => all("task", self.texts("tasks")),
            "StopTask" => all("task", self.text("task").into_iter().collect()),
            "ListTasks" | "ListServices" => vec![Subject::new("*").within(&cluster_arn)],
            "DescribeServiceDeployments" => by_arn(self.texts("serviceDeploymentArns")),
            "StopServiceDeployment" => {
                by_arn(self.text("serviceDeploymentArn").into_iter().collect())
            }
            "DescribeServiceRevisions" => by_arn(self.texts("serviceRevisionArns")),
            "RunTask" | "DeregisterTaskDefinition" => {
                let name = short(self.text("taskDefinition").unwrap_or_default());
                vec![
                    Subject::new(state.arn(&format!("task-definition/{name}")))
                        .within(&cluster_arn),
                ]
            }
            "ListTagsForResource" | "TagResource" | "UntagResource" => {
                self.text("resourceArn").map(Subject::new).into_iter().collect()
            }
            // The rest is about no resource, DescribeTaskDefinition among it.
            _ => Vec::new(),
        }
    }

    fn of_ecr(&self, state: &State) -> Vec<Subject> {
        let registry = self.text("registryId").unwrap_or(&state.account);
        let repository = |name: &str| {
            Subject::new(format!("arn:aws:ecr:{}:{registry}:repository/{name}", state.region))
        };
        match self.operation {
            "GetAuthorizationToken" => Vec::new(),
            "DescribeRepositories" => match self.texts("repositoryNames") {
                names if names.is_empty() => vec![repository("*")],
                names => names.into_iter().map(repository).collect(),
            },
            "ListTagsForResource" | "TagResource" => {
                self.text("resourceArn").map(Subject::new).into_iter().collect()
            }
            _ => self.text("repositoryName").map(repository).into_iter().collect(),
        }
    }

    fn of_logs(&self, state: &State) -> Vec<Subject> {
        let group = self.text("logGroupName").unwrap_or_default();
        let stream = self.text("logStreamName").unwrap_or_default();
        vec![Subject::new(format!(
            "arn:aws:logs:{}:{}:log-group:{group}:log-stream:{stream}",
            state.region, state.account,
        ))]
    }
}

/// The name in a name or an ARN.
fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}
