//! The paths, and what each answers. Knows what is handed in only as closures and hooks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::watch;

use super::{Doors, LONGEST_BODY, ReadyCheck, WebError, reservations};
use crate::ports::{Hook, HookAnswer, HookRequest};

/// The paths that are ours.
const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";
const METRICS: &str = "/metrics";

pub(super) fn router(doors: Doors, stopped: &watch::Receiver<bool>) -> Result<Router, WebError> {
    let Doors { hooks, reservations: reserving, metrics, ready, limits } = doors;
    let mut router = Router::new()
        .route(ALIVE, get(async || "alive\n"))
        .route(READY, get(async move || readiness(&ready)));
    if let Some(metrics) = metrics {
        router = router.route(METRICS, get(async move || rendered(metrics())));
    }
    if let Some(door) = reserving {
        let stopped = stopped.clone();
        let reserve = async move |request: Request| door.answer(request, stopped).await;
        router = router.route(reservations::PATH, get(reserve));
    }
    for (path, hook) in hooks {
        if !can_be_a_hook(&path) {
            return Err(WebError::Path(path));
        }
        let times = Times { body: limits.body, answer: limits.answer };
        let handle = async move |request: Request| answer(hook, times, request).await;
        router = router.route(&path, post(handle));
    }
    Ok(router
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .fallback(async || said(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            said(StatusCode::METHOD_NOT_ALLOWED, "this path is not asked for in this way")
        })
        .layer(map_response(last)))
}

/// Each answer says that it is the last on its connection; an upgrade has to say otherwise, and
/// hyper would add it to that as well.
async fn last(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What the router would take for a pattern, or has already, cannot be one.
fn can_be_a_hook(path: &str) -> bool {
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '/' | '-' | '_' | '.');
    path.starts_with('/') && path.chars().all(plain) && ![ALIVE, READY, METRICS].contains(&path)
}

/// 503 with all reasons, until there is none.
fn readiness(checks: &[ReadyCheck]) -> Response {
    let reasons: Vec<&str> = checks.iter().filter_map(|check| check().err()).collect();
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "ready": ready, "reasons": reasons });
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

fn rendered(metrics: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics).into_response()
}

/// How long a caller may take to send, and a hook to answer.
#[derive(Clone, Copy)]
struct Times {
    body: Duration,
    answer: Duration,
}

/// Reads what was sent, and lets the hook answer.
async fn answer(hook: Arc<dyn Hook>, times: Times, request: Request) -> Response {
    if announced(request.headers()).is_some_and(|length| length > LONGEST_BODY) {
        return too_long();
    }
    let path = request.uri().path().to_owned();
    let headers = texts(request.headers());
    let body = match tokio::time::timeout(times.body, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejected)) if rejected.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return too_long();
        }
        Ok(Err(_)) => return said(StatusCode::BAD_REQUEST, "the body could not be read"),
        Err(_) => return said(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    };
    let request = HookRequest { headers, body: body.into() };
    // In a task of its own: what a hook has begun is not dropped with a caller who hangs up.
    let call = tokio::spawn(async move { hook.call(request).await });
    match tokio::time::timeout(times.answer, call).await {
        Ok(Ok(answer)) => answered(answer),
        Ok(Err(error)) => {
            tracing::error!(path, %error, "a hook broke");
            said(StatusCode::INTERNAL_SERVER_ERROR, "this went wrong on our side")
        }
        Err(_) => {
            tracing::warn!(path, "a hook did not answer in time");
            said(StatusCode::SERVICE_UNAVAILABLE, "this took too long on our side")
        }
    }
}

/// The length that the caller announces, so that a body which is too long is not even read.
fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_long() -> Response {
    said(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")
}

/// Names are in lower case already; values that are no text tell a hook nothing.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let texts = headers.iter().map(|(name, value)| (name.as_str(), value.to_str()));
    texts.filter_map(|(name, value)| Some((name.to_owned(), value.ok()?.to_owned()))).collect()
}

fn answered(answer: HookAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.body.is_empty() {
        return status.into_response();
    }
    (status, [(CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}

/// A sentence for whoever tries by hand.
fn said(status: StatusCode, sentence: &'static str) -> Response {
    (status, format!("{sentence}\n")).into_response()
}
