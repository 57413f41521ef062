//! The sandbox's answers, held against the service models that AWS publishes: every member is known
//! and of the right type, what the model requires is there, and what it lists as values are the
//! only values. Every operation is called; what it requires is required; every error is one that
//! AWS has.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shipmate::sandbox::{ErrorName, Mishap, Sandbox, operations};

use super::model::{Model, load, skipped};
use super::{LONG, demo};

/// Errors that any AWS service may answer with; models do not list them.
const COMMON: [&str; 7] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "SerializationException",
    "ServiceUnavailable",
    "ThrottlingException",
    "UnknownOperationException",
    "InternalFailure",
];

struct Bench {
    sandbox: Sandbox,
    ecs: Model,
    ecr: Model,
    logs: Model,
    called: BTreeSet<(&'static str, String)>,
    wrong: Vec<String>,
}

impl Bench {
    async fn new(test: &str) -> Option<Bench> {
        let models =
            (load("ecs", "2014-11-13"), load("ecr", "2015-09-21"), load("logs", "2014-03-28"));
        let (Some(ecs), Some(ecr), Some(logs)) = models else {
            skipped(test, "botocore's service models were not found");
            return None;
        };
        let (sandbox, called, wrong) = (demo().await, BTreeSet::new(), Vec::new());
        Some(Bench { sandbox, ecs, ecr, logs, called, wrong })
    }

    fn model(&self, service: &str) -> &Model {
        match service {
            "ecs" => &self.ecs,
            "ecr" => &self.ecr,
            _ => &self.logs,
        }
    }

    /// One call, as it goes over the wire: the status and the answer.
    async fn send(&self, service: &str, operation: &str, input: &Value) -> (u16, Value) {
        let prefix = match service {
            "ecs" => "AmazonEC2ContainerServiceV20141113",
            "logs" => "Logs_20140328",
            _ => "AmazonEC2ContainerRegistry_V20150921",
        };
        let headers = format!(
            "x-amz-target: {prefix}.{operation}\r\ncontent-type: application/x-amz-json-1.1\r\n"
        );
        let (status, body) =
            super::faults::exchange(&self.sandbox, "POST", "/", &headers, &input.to_string()).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    /// A call that must be answered, and right by the model.
    async fn ask(&mut self, service: &'static str, operation: &str, input: Value) -> Value {
        let wrong = self.model(service).wrong_input(operation, &input);
        assert!(wrong.is_empty(), "the test's own input is wrong: {wrong:?}");
        let (status, answer) = self.send(service, operation, &input).await;
        assert_eq!(status, 200, "{operation} {input}: {answer}");
        let wrong = self.model(service).wrong_output(operation, &answer);
        self.wrong.extend(wrong);
        self.called.insert((service, operation.to_owned()));
        // What the model requires must be required.
        for name in self.model(service).required(operation) {
            let mut less = input.clone();
            less.as_object_mut().unwrap().remove(&name);
            if self.check_refusal(service, operation, &less).await == 200 {
                self.wrong.push(format!("{operation} does without {name}"));
            }
        }
        // Nonsense is refused or ignored, and never breaks the sandbox.
        for name in input.as_object().unwrap().keys().filter(|_| is_read(operation)) {
            for nonsense in
                [json!(7), json!("\u{1f4a5}"), json!([{}]), json!({"x": []}), json!(null)]
            {
                let mut other = input.clone();
                other[name] = nonsense;
                self.check_refusal(service, operation, &other).await;
            }
        }
        answer
    }

    /// A call that may be refused, and then by an error that the model lists for it. The status.
    async fn check_refusal(&mut self, service: &str, operation: &str, input: &Value) -> u16 {
        let (status, answer) = self.send(service, operation, input).await;
        let error = answer["__type"].as_str().unwrap_or_default();
        let listed = COMMON.contains(&error) || self.model(service).may_refuse(operation, error);
        if status != 200 && (status != 400 || !listed) {
            self.wrong.push(format!("{operation} {input} is refused with {status} {answer}"));
        }
        status
    }

    /// A call that must be refused, by an error that the model lists for it.
    async fn refused(&mut self, service: &'static str, operation: &str, input: Value, error: &str) {
        let (status, answer) = self.send(service, operation, &input).await;
        assert_eq!(
            (status, answer["__type"].as_str()),
            (400, Some(error)),
            "{operation} {input}: {answer}"
        );
        assert!(answer["message"].is_string());
        if !self.model(service).may_refuse(operation, error) {
            self.wrong
                .push(format!("{operation} refuses with {error}, which its model does not list"));
        }
    }
}

fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get", "BatchGet"].iter().any(|prefix| operation.starts_with(prefix))
}

#[test]
fn every_error_is_one_that_aws_has() {
    let models = (load("ecs", "2014-11-13"), load("ecr", "2015-09-21"), load("logs", "2014-03-28"));
    let (Some(ecs), Some(ecr), Some(logs)) = models else {
        skipped("every_error_is_one_that_aws_has", "botocore's service models were not found");
        return;
    };
    for error in ErrorName::ALL {
        let name = error.name();
        assert!(COMMON.contains(&name) || ecs.has_error(name) || ecr.has_error(name), "{name}");
        assert_eq!(ErrorName::of(name), Some(*error));
    }
    for (service, operation) in operations() {
        let model = match service {
            "ecs" => &ecs,
            "ecr" => &ecr,
            _ => &logs,
        };
        assert!(model.has(operation), "{service} {operation}");
    }
}

#[tokio::test]
async fn answers_are_as_the_models_say() {
    let Some(mut bench) = Bench::new("answers_are_as_the_models_say").await else {
        return;
    };
    registry(&mut bench).await;
    services(&mut bench).await;
    tasks(&mut bench).await;
    logs(&mut bench).await;
    refusals(&mut bench).await;
    let all: BTreeSet<(&str, String)> =
        operations().map(|(service, name)| (service, name.to_owned())).collect();
    let missed: Vec<_> = all.difference(&bench.called).collect();
    assert!(missed.is_empty(), "operations that this test does not call: {missed:?}");
    assert!(bench.wrong.is_empty(), "{:#?}", bench.wrong);
}

async fn registry(bench: &mut Bench) {
    let tag = json!({"imageTag": "1.5.0"});
    let both = json!([{"imageTag": "1.5.0"}, {"imageTag": "none"}, {"imageDigest": "sha256:0"}]);
    let got = bench
        .ask("ecr", "BatchGetImage", json!({"repositoryName": "core", "imageIds": both}))
        .await;
    let manifest = got["images"][0]["imageManifest"].as_str().unwrap().to_owned();
    let put = json!({"repositoryName": "core", "imageTag": "moved", "imageManifest": manifest});
    bench.ask("ecr", "PutImage", put).await;
    for input in [
        json!({"maxResults": 3}),
        json!({"imageIds": [tag]}),
        json!({"filter": {"tagStatus": "TAGGED"}}),
    ] {
        let mut input = input;
        input["repositoryName"] = json!("core");
        bench.ask("ecr", "DescribeImages", input).await;
    }
    bench.ask("ecr", "ListImages", json!({"repositoryName": "web", "maxResults": 2})).await;
    bench.ask("ecr", "DescribeRepositories", json!({})).await;
    bench
        .ask("ecr", "DescribeImageScanFindings", json!({"repositoryName": "core", "imageId": tag}))
        .await;
    let config = serde_json::from_str::<Value>(&manifest).unwrap()["config"]["digest"].clone();
    let layer = json!({"repositoryName": "core", "layerDigest": config});
    bench.ask("ecr", "GetDownloadUrlForLayer", layer).await;
    let layers = json!({"repositoryName": "core", "layerDigests": [config, "sha256:0"]});
    bench.ask("ecr", "BatchCheckLayerAvailability", layers).await;
    bench.ask("ecr", "GetAuthorizationToken", json!({})).await;
    let filters = json!([{"filterType": "WILDCARD", "filter": "*-latest"}]);
    let mutability = json!({
        "repositoryName": "web",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": filters,
    });
    bench.ask("ecr", "PutImageTagMutability", mutability).await;
    let created = bench.ask("ecr", "CreateRepository", json!({"repositoryName": "new"})).await;
    let arn = created["repository"]["repositoryArn"].clone();
    let label = json!({"resourceArn": arn, "tags": [{"Key": "team", "Value": "core"}]});
    bench.ask("ecr", "TagResource", label).await;
    bench.ask("ecr", "ListTagsForResource", json!({"resourceArn": arn})).await;
    bench.ask("ecr", "DescribeRepositories", json!({"repositoryNames": ["web", "new"]})).await;
    let ids = json!([{"imageTag": "moved"}, {"imageTag": "none"}]);
    bench.ask("ecr", "BatchDeleteImage", json!({"repositoryName": "core", "imageIds": ids})).await;
}

async fn services(bench: &mut Bench) {
    bench.ask("ecs", "ListClusters", json!({})).await;
    bench.ask("ecs", "CreateCluster", json!({"clusterName": "new"})).await;
    bench
        .ask(
            "ecs",
            "DescribeClusters",
            json!({"clusters": ["staging", "none"], "include": ["TAGS"]}),
        )
        .await;
    bench.ask("ecs", "ListServices", json!({"cluster": "staging", "maxResults": 2})).await;
    let definition = json!({
        "family": "job",
        "networkMode": "bridge",
        "containerDefinitions": [{"name": "job", "image": "public.ecr.aws/docker/library/busybox:1", "memory": 64}],
        "tags": [{"key": "team", "value": "core"}],
    });
    bench.ask("ecs", "RegisterTaskDefinition", definition).await;
    bench
        .ask("ecs", "DescribeTaskDefinition", json!({"taskDefinition": "job", "include": ["TAGS"]}))
        .await;
    bench.ask("ecs", "ListTaskDefinitions", json!({"sort": "DESC"})).await;
    let service = json!({
        "cluster": "new",
        "serviceName": "job",
        "taskDefinition": "job:1",
        "desiredCount": 1,
        "launchType": "EC2",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 0,
            "maximumPercent": 100,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true},
        },
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "loadBalancers": [{"targetGroupArn": "arn", "containerName": "job", "containerPort": 80}],
    });
    let created = bench.ask("ecs", "CreateService", service).await;
    let arn = created["service"]["serviceArn"].clone();
    let label = json!({"resourceArn": arn, "tags": [{"key": "team", "value": "core"}]});
    bench.ask("ecs", "TagResource", label).await;
    bench.ask("ecs", "ListTagsForResource", json!({"resourceArn": arn})).await;
    bench.ask("ecs", "UntagResource", json!({"resourceArn": arn, "tagKeys": ["team"]})).await;
    bench.sandbox.put_tag("web", "production-latest", "2.1.0").unwrap();
    let update = json!({"cluster": "production", "service": "web", "forceNewDeployment": true});
    let updated = bench.ask("ecs", "UpdateService", update).await;
    let describe = json!({"cluster": "production", "services": ["web", "rest-api", "none"], "include": ["TAGS"]});
    bench.ask("ecs", "DescribeServices", describe.clone()).await;
    let deployment = updated["service"]["currentServiceDeployment"].clone();
    bench.ask("ecs", "StopServiceDeployment", json!({"serviceDeploymentArn": deployment})).await;
    let arns = json!({"serviceDeploymentArns": [deployment, "arn:none"]});
    bench.ask("ecs", "DescribeServiceDeployments", arns.clone()).await;
    let list = json!({"cluster": "production", "service": "web", "status": ["ROLLBACK_IN_PROGRESS", "SUCCESSFUL"]});
    bench.ask("ecs", "ListServiceDeployments", list).await;
    assert!(bench.sandbox.wait_for("production", "web", LONG, |service| service.is_steady()).await);
    bench.ask("ecs", "DescribeServices", describe).await;
    bench.ask("ecs", "DescribeServiceDeployments", arns).await;
    let revision = updated["service"]["currentServiceRevisions"][0]["arn"].clone();
    bench
        .ask(
            "ecs",
            "DescribeServiceRevisions",
            json!({"serviceRevisionArns": [revision, "arn:none"]}),
        )
        .await;
    bench
        .ask("ecs", "DeleteService", json!({"cluster": "new", "service": "job", "force": true}))
        .await;
    bench.ask("ecs", "DeregisterTaskDefinition", json!({"taskDefinition": "job:1"})).await;
}

async fn tasks(bench: &mut Bench) {
    let listed =
        bench.ask("ecs", "ListTasks", json!({"cluster": "staging", "maxResults": 4})).await;
    let arns = listed["taskArns"].clone();
    let first = arns[0].as_str().unwrap().to_owned();
    bench
        .ask("ecs", "StopTask", json!({"cluster": "staging", "task": first, "reason": "a test"}))
        .await;
    assert!(bench.sandbox.befall(arns[1].as_str().unwrap(), Mishap::Exits(3)));
    bench.sandbox.put_tag("core", "staging-latest", "1.6.0-stuck").unwrap();
    assert!(bench.sandbox.befall(arns[2].as_str().unwrap(), Mishap::SpotInterruption));
    let definition = bench.sandbox.service("staging", "worker").unwrap();
    assert_eq!(definition.desired, 2);
    let run = json!({"cluster": "staging", "taskDefinition": "staging-web", "count": 2, "startedBy": "a test"});
    bench.ask("ecs", "RunTask", run).await;
    let describe = json!({"cluster": "staging", "tasks": arns, "include": ["TAGS"]});
    for _ in 0..20 {
        // The same tasks in many states.
        bench.ask("ecs", "DescribeTasks", describe.clone()).await;
        let all = bench.ask("ecs", "ListTasks", json!({"cluster": "staging"})).await;
        let all = json!({"cluster": "staging", "tasks": all["taskArns"]});
        bench.ask("ecs", "DescribeTasks", all).await;
        let stopped = json!({"cluster": "staging", "desiredStatus": "STOPPED"});
        let stopped = bench.ask("ecs", "ListTasks", stopped).await["taskArns"].clone();
        bench.ask("ecs", "DescribeTasks", json!({"cluster": "staging", "tasks": stopped})).await;
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
}

async fn logs(bench: &mut Bench) {
    let task = bench.sandbox.tasks("production", "rest-api")[0].id.clone();
    let stream = format!("rest-api/app/{task}");
    let group = "/ecs/production/rest-api";
    for more in [json!({}), json!({"limit": 1, "startFromHead": true, "startTime": 0})] {
        let mut input = more;
        input["logStreamName"] = json!(stream);
        input["logGroupName"] = json!(group);
        let answer = bench.ask("logs", "GetLogEvents", input).await;
        assert!(!answer["events"].as_array().unwrap().is_empty(), "{answer}");
    }
    let none = json!({"logGroupName": group, "logStreamName": "rest-api/app/none"});
    bench.refused("logs", "GetLogEvents", none, "ResourceNotFoundException").await;
    let none = json!({"logGroupName": "none", "logStreamName": stream});
    bench.refused("logs", "GetLogEvents", none, "ResourceNotFoundException").await;
}

async fn refusals(bench: &mut Bench) {
    let invalid = "InvalidParameterException";
    bench
        .refused("ecs", "DescribeServices", json!({"cluster": "staging", "services": []}), invalid)
        .await;
    bench.refused("ecs", "ListTasks", json!({"cluster": "none"}), "ClusterNotFoundException").await;
    let unknown = json!({"cluster": "staging", "serviceName": "none"});
    bench.refused("ecs", "ListTasks", unknown, "ServiceNotFoundException").await;
    bench.refused("ecs", "StopTask", json!({"cluster": "staging", "task": "none"}), invalid).await;
    bench
        .refused(
            "ecs",
            "DescribeTaskDefinition",
            json!({"taskDefinition": "none"}),
            "ClientException",
        )
        .await;
    let update = json!({"cluster": "staging", "service": "none"});
    bench.refused("ecs", "UpdateService", update, "ServiceNotFoundException").await;
    let gone = json!({"cluster": "new", "service": "job"});
    bench.refused("ecs", "UpdateService", gone, "ServiceNotActiveException").await;
    let none = json!({"serviceDeploymentArn": "arn:none"});
    bench.refused("ecs", "StopServiceDeployment", none, "ServiceDeploymentNotFoundException").await;
    let layer = json!({"repositoryName": "core", "layerDigest": format!("sha256:{:064}", 0)});
    bench.refused("ecr", "GetDownloadUrlForLayer", layer, "LayersNotFoundException").await;
    bench
        .refused(
            "ecr",
            "ListImages",
            json!({"repositoryName": "none"}),
            "RepositoryNotFoundException",
        )
        .await;
    let core = json!({"repositoryName": "core"});
    bench.refused("ecr", "CreateRepository", core, "RepositoryAlreadyExistsException").await;
    let image = json!({"repositoryName": "core", "imageId": {"imageTag": "none"}});
    bench.refused("ecr", "DescribeImageScanFindings", image, "ImageNotFoundException").await;
    let index = json!({"repositoryName": "web", "imageId": {"imageTag": "2.1.0"}});
    bench.refused("ecr", "DescribeImageScanFindings", index, "ScanNotFoundException").await;
    let (status, answer) = bench.send("ecs", "CreateTaskSet", &json!({})).await;
    assert_eq!((status, answer["__type"].as_str()), (400, Some("UnknownOperationException")));
}

#[test]
fn the_check_finds_what_is_wrong() {
    let Some(ecs) = load("ecs", "2014-11-13") else {
        skipped("the_check_finds_what_is_wrong", "botocore's service models were not found");
        return;
    };
    let right = json!({"service": {"serviceName": "api", "desiredCount": 1, "createdAt": 1.5, "launchType": "EC2"}});
    assert!(ecs.wrong_output("UpdateService", &right).is_empty());
    for wrong in [
        json!({"servise": {}}),
        json!({"service": {"desiredCount": "1"}}),
        json!({"service": {"launchType": "MOON"}}),
        json!({"service": {"createdAt": "yesterday"}}),
        json!({"service": {"deployments": {}}}),
        json!({"service": {"deployments": [{"rolloutState": "DONE"}]}}),
        json!({"service": {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}}}}),
    ] {
        assert_eq!(ecs.wrong_output("UpdateService", &wrong).len(), 1, "{wrong}");
    }
    assert_eq!(ecs.required("StopTask"), ["task"]);
}
