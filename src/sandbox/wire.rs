//! AWS's wire protocols: JSON 1.1 for ECS, ECR and CloudWatch Logs, and as much of the query
//! protocol as STS needs. Finds out which call it is, lets faults and limits have their say, and
//! writes the answer. Must not know what a call does.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::calls::{Call, brief};
use super::error::{ErrorName, Refusal};
use super::faults::Trouble;
use super::handle::{Handle, Inside};
use super::socket::Breaker;
use super::times::Moment;
use super::{admin, ecr, ecs, iam, logs};

/// A manifest of 4 MiB, written as a JSON string, is not larger.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;
const JSON: &str = "application/x-amz-json-1.1";

/// The whole of the sandbox's HTTP.
pub(super) fn router(handle: Handle, stopped: watch::Receiver<bool>) -> Router {
    let serve = move |ConnectInfo(breaker): ConnectInfo<Breaker>,
                      method: Method,
                      uri: Uri,
                      headers: HeaderMap,
                      body: Bytes| {
        let (handle, mut stopped) = (handle.clone(), stopped.clone());
        async move {
            let arrived = Arrived { method: &method, uri: &uri, headers: &headers, body: &body };
            tokio::select! {
                response = answer(&handle, arrived, &breaker) => response,
                // Calls that hang are let go when the sandbox stops, so that it can.
                _ = stopped.wait_for(|stopped| *stopped) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    };
    Router::new().fallback(serve).layer(DefaultBodyLimit::max(LARGEST_REQUEST))
}

/// An HTTP request.
#[derive(Clone, Copy)]
struct Arrived<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a Bytes,
}

impl Arrived<'_> {
    /// The id of the access key that it is signed with. The signature itself is not checked: the
    /// sandbox knows nobody's secrets.
    fn key(&self) -> &str {
        let signed = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let credential =
            signed.and_then(|signed| signed.split_once("Credential=")).map(|(_, rest)| rest);
        credential.and_then(|credential| credential.split('/').next()).unwrap_or_default()
    }
}

async fn answer(handle: &Handle, arrived: Arrived<'_>, breaker: &Breaker) -> Response {
    let Arrived { method, uri, headers, body } = arrived;
    if let Some(path) = uri.path().strip_prefix("/_sandbox/") {
        return admin::answer(handle, method, path, body);
    }
    if let Some(path) = uri.path().strip_prefix("/_layers/") {
        let content =
            path.rsplit_once('/').and_then(|(repository, digest)| handle.blob(repository, digest));
        return match content {
            Some(content) => {
                ([(header::CONTENT_TYPE, "application/octet-stream")], content).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        };
    }
    if method != Method::POST {
        return StatusCode::NOT_FOUND.into_response();
    }
    if headers.get("x-amz-target").is_none() && body.starts_with(b"Action=") {
        return query(handle, arrived);
    }
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = match target.split_once('.') {
        Some(("AmazonEC2ContainerServiceV20141113", operation)) => ("ecs", operation),
        Some(("AmazonEC2ContainerRegistry_V20150921", operation)) => ("ecr", operation),
        Some(("Logs_20140328", operation)) => ("logs", operation),
        Some(_) | None => {
            let message = format!("X-Amz-Target '{target}' is not simulated");
            return refuse(handle, &Refusal::new(ErrorName::UnknownOperation, message));
        }
    };
    let input = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(body) };
    let Ok(input) = input else {
        return refuse(handle, &Refusal::new(ErrorName::Serialization, "The request is not JSON"));
    };
    call(handle, Request { service, operation, key: arrived.key(), input }, breaker).await
}

struct Request<'a> {
    service: &'static str,
    operation: &'a str,
    key: &'a str,
    input: Value,
}

impl Request<'_> {
    fn run(&self, state: &mut super::state::State, now: Moment) -> Result<Value, Refusal> {
        match self.service {
            "ecs" => ecs::call(state, self.operation, &self.input, now),
            "logs" => logs::call(state, self.operation, &self.input),
            _ => ecr::call(state, self.operation, &self.input, now),
        }
    }

    /// What a policy may ask about it.
    fn authority(&self) -> iam::Request<'_> {
        iam::Request { service: self.service, operation: self.operation, input: &self.input }
    }

    fn log(&self, inside: &mut Inside, now: Moment, outcome: &str) {
        inside.log.write(Call {
            at: now.wall,
            service: self.service,
            operation: self.operation.to_owned(),
            key: self.key.to_owned(),
            parameters: brief(&self.input),
            outcome: outcome.to_owned(),
        });
    }

    /// Does the call and logs it.
    fn perform(&self, handle: &Handle, note: &str) -> Result<Value, Refusal> {
        handle.with(|inside, now| {
            let result = self.run(&mut inside.state, now);
            let outcome = result.as_ref().map_or_else(|refusal| refusal.error.name(), |_| "ok");
            self.log(inside, now, &format!("{outcome}{note}"));
            result
        })
    }

    /// Logs the call without doing it.
    fn refuse(&self, handle: &Handle, refusal: &Refusal) -> Response {
        handle.with(|inside, now| self.log(inside, now, refusal.error.name()));
        refuse(handle, refusal)
    }
}

async fn call(handle: &Handle, request: Request<'_>, breaker: &Breaker) -> Response {
    let throttled = || Refusal::new(ErrorName::Throttling, "Rate exceeded");
    let met = handle.with(|inside, now| {
        if !inside.limits.admit(request.operation, now.at) {
            return Err(throttled());
        }
        inside.policies.admit(&inside.state, request.key, request.authority())?;
        Ok(inside.faults.meet(request.operation, &inside.state))
    });
    let trouble = match met {
        Ok(trouble) => trouble,
        Err(refusal) => return request.refuse(handle, &refusal),
    };
    match trouble {
        None => written(handle, request.perform(handle, "")),
        Some(Trouble::Throttle) => request.refuse(handle, &throttled()),
        Some(Trouble::ServerError) => request.refuse(handle, &server_error()),
        Some(Trouble::Refuse(error)) => {
            request.refuse(handle, &Refusal::new(error, "This error was ordered from the sandbox"))
        }
        Some(Trouble::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            written(handle, request.perform(handle, ""))
        }
        Some(Trouble::Hang) => {
            handle.with(|inside, now| request.log(inside, now, "hang"));
            std::future::pending().await
        }
        Some(Trouble::Stale(then)) => {
            let mut then = super::state::State::clone(&then);
            let result = handle.with(|inside, now| {
                request.log(inside, now, "ok (stale)");
                request.run(&mut then, now)
            });
            written(handle, result)
        }
        Some(Trouble::ResetBefore) => {
            handle.with(|inside, now| request.log(inside, now, "reset"));
            breaker.reset();
            StatusCode::OK.into_response()
        }
        Some(Trouble::ResetAfter) => {
            let lost = written(handle, request.perform(handle, " (reset)"));
            breaker.reset();
            lost
        }
        Some(Trouble::LoseAnswer) => {
            // What it did is kept; only the answer is lost.
            let _lost = request.perform(handle, " (answer lost)");
            refuse(handle, &server_error())
        }
        Some(Trouble::CutAnswer) => {
            let (head, whole) =
                written(handle, request.perform(handle, " (answer cut)")).into_parts();
            let whole = axum::body::to_bytes(whole, usize::MAX).await.unwrap_or_default();
            Response::from_parts(head, Body::new(Cut::of(&whole)))
        }
    }
}

fn server_error() -> Refusal {
    Refusal::new(ErrorName::Server, "Service Unavailable. Please try again later.")
}

fn written(handle: &Handle, result: Result<Value, Refusal>) -> Response {
    match result {
        Ok(answer) => json_response(handle, StatusCode::OK, &answer, None),
        Err(refusal) => refuse(handle, &refusal),
    }
}

fn refuse(handle: &Handle, refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let answer = json!({"__type": refusal.error.name(), "message": refusal.message});
    json_response(handle, status, &answer, Some(refusal.error.name()))
}

fn json_response(
    handle: &Handle,
    status: StatusCode,
    answer: &Value,
    error: Option<&'static str>,
) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, JSON)], answer.to_string()).into_response();
    let id = handle.with(|inside, _| inside.state.request_id());
    if let Ok(id) = id.parse() {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    if let Some(Ok(error)) = error.map(str::parse) {
        response.headers_mut().insert("x-amzn-errortype", error);
    }
    response
}

/// The query protocol: STS's GetCallerIdentity is the only call of it that the sandbox answers.
fn query(handle: &Handle, arrived: Arrived<'_>) -> Response {
    let action = arrived.body.strip_prefix(b"Action=").unwrap_or_default();
    let action = action.split(|byte| *byte == b'&').next().unwrap_or_default();
    let operation = String::from_utf8_lossy(action).into_owned();
    let known = operation == "GetCallerIdentity";
    let account = handle.with(|inside, now| {
        let outcome = if known { "ok" } else { "InvalidAction" }.to_owned();
        inside.log.write(Call {
            at: now.wall,
            service: "sts",
            operation,
            key: arrived.key().to_owned(),
            parameters: json!({}),
            outcome,
        });
        inside.state.account.clone()
    });
    let namespace = "https://sts.amazonaws.com/doc/2011-06-15/";
    let xml = match known {
        true => format!(
            "<GetCallerIdentityResponse xmlns=\"{namespace}\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{account}:user/sandbox</Arn><UserId>AIDASANDBOX</UserId>\
             <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata>\
             <RequestId>sandbox</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        ),
        false => format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>InvalidAction</Code>\
             <Message>Not simulated</Message></Error><RequestId>sandbox</RequestId></ErrorResponse>"
        ),
    };
    let status = if known { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, [(header::CONTENT_TYPE, "text/xml")], xml).into_response()
}

/// A body that promises the whole and gives a half, and then fails, so that the connection is
/// broken.
struct Cut {
    half: Option<Bytes>,
    whole: u64,
    sent: bool,
}

impl Cut {
    fn of(whole: &Bytes) -> Cut {
        let half = whole.slice(..whole.len() / 2);
        Cut { half: Some(half), whole: whole.len() as u64, sent: false }
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(http_body::Frame::data(half))));
        }
        if !self.sent {
            // What was given is written before the next question, and only then the connection
            // breaks.
            self.sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("the answer is cut on order"))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.whole)
    }
}
