//! REST: a request is logged, held against ordered trouble, token and limits, and then carried out
//! on the state. Sockets and TLS are in `wire`, what each route does in the file of its topic.

pub mod answer;
mod callback;
mod commands;
mod components;
pub mod form;
mod guild;
pub mod mentions;
pub mod messages;
pub mod parts;
pub mod reactions;
mod route;
mod threads;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, State as Extracted};
use axum::http::{HeaderName, HeaderValue, Request as HttpRequest, Response};
use axum::{Router, body};
use serde_json::{Value, json};

use super::Shared;
use super::faults::Trouble;
use super::limits::{Standing, exceeded_headers};
use super::look::Logged;
use super::recording::{Exchange, record};
use super::state::State;
use super::wire::Cut;
use answer::{Answer, Refused};

pub use callback::accept as accept_answer;
pub use guild::application_flags;

/// A request, taken apart.
pub struct Request {
    pub method: String,
    /// Behind `/api/v10`, decoded.
    pub path: Vec<String>,
    pub query: BTreeMap<String, String>,
    /// Of several parts, the one that is JSON.
    pub body: Value,
    /// The others.
    pub files: Vec<parts::File>,
    pub authorised: bool,
}

impl Request {
    /// `limit` out of the query: 1 to `most`.
    pub fn limit(&self, usual: usize, most: usize) -> Result<usize, Refused> {
        let Some(text) = self.query.get("limit") else { return Ok(usual) };
        text.parse().ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
            let message = format!("int value should be between 1 and {most}.");
            Refused::form("limit", "NUMBER_TYPE_RANGE", &message)
        })
    }

    /// An id out of the query.
    pub fn id(&self, name: &str) -> Result<Option<u64>, Refused> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        match text.parse() {
            Ok(id) => Ok(Some(id)),
            Err(_) => Err(Refused::form(name, "NUMBER_TYPE_COERCE", "Value is not snowflake.")),
        }
    }
}

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(shared)
}

/// What goes out, before it is one of HTTP's.
struct Out {
    status: u16,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

impl Out {
    fn refused(refused: &Refused) -> Out {
        Out { status: refused.status, body: Some(refused.body()), headers: Vec::new() }
    }

    fn too_many(retry_after: Duration, global: bool) -> Out {
        let body = json!({
            "message": "You are being rate limited.",
            "retry_after": retry_after.as_secs_f64(),
            "global": global,
        });
        Out { status: 429, body: Some(body), headers: exceeded_headers(retry_after, global) }
    }
}

async fn serve(
    Extracted(shared): Extracted<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HttpRequest<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // Nothing that a bot sends is longer, and what cannot be read is refused as no JSON.
    let bytes = body::to_bytes(body, 8 << 20).await.unwrap_or_default();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let path = parts.uri.path();
    let expected = shared.expected_authorization();
    let several = header("content-type").and_then(parts::boundary);
    let (json, files): (Option<Value>, Vec<parts::File>) = match several {
        Some(boundary) => parts::read(&bytes, boundary),
        None if bytes.is_empty() => (Some(Value::Null), Vec::new()),
        None => (serde_json::from_slice(&bytes).ok(), Vec::new()),
    };
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: segments(path),
        query: query(parts.uri.query().unwrap_or_default()),
        body: json.clone().unwrap_or(Value::Null),
        files,
        authorised: expected.is_some() && header("authorization") == expected.as_deref(),
    };
    let (index, troubles) = {
        let mut state = shared.lock();
        state.log.push(Logged {
            at: Instant::now(),
            method: request.method.clone(),
            path: parts.uri.path_and_query().map_or(path, |whole| whole.as_str()).to_owned(),
            body: request.body.clone(),
            status: 0,
            authorised: request.authorised,
        });
        let troubles = state.faults.take(&request.method, path);
        (state.log.len() - 1, troubles)
    };
    shared.announce();
    for trouble in &troubles {
        if let Trouble::Slow(by) = trouble {
            tokio::time::sleep(*by).await;
        }
    }
    let ordered = troubles.iter().find_map(instead);
    let is_ordered = ordered.is_some();
    let out = ordered.unwrap_or_else(|| {
        let mut state = shared.lock();
        let valid = path.starts_with("/api/v10/");
        if valid { carry_out(&mut state, &request, json.is_some()) } else { no_route() }
    });
    let reset = troubles.iter().any(|trouble| matches!(trouble, Trouble::DoneThenReset));
    {
        let mut state = shared.lock();
        if let Some(logged) = state.log.get_mut(index) {
            logged.status = if reset { 0 } else { out.status };
        }
    }
    shared.announce();
    record(&Exchange {
        method: &request.method,
        path: parts.uri.path_and_query().map_or(path, |whole| whole.as_str()),
        test: &shared.test,
        // The part that is JSON has the shape of a body that is nothing else.
        content_type: several.map_or_else(|| header("content-type"), |_| Some("application/json")),
        body: &request.body,
        status: out.status,
        answer: out.body.as_ref(),
        ordered: is_ordered,
    });
    if reset {
        cut.now();
    }
    into_response(out)
}

fn no_route() -> Out {
    Out::refused(&Refused::no_route())
}

/// The answer that was ordered instead of the work.
fn instead(trouble: &Trouble) -> Option<Out> {
    match trouble {
        Trouble::Status(status) => {
            let refused = Refused::new(*status, 0, &format!("{status}: ordered by the test"));
            Some(Out::refused(&refused))
        }
        Trouble::TooMany { retry_after, global } => Some(Out::too_many(*retry_after, *global)),
        Trouble::Slow(_) | Trouble::DoneThenReset => None,
    }
}

fn carry_out(state: &mut State, request: &Request, readable: bool) -> Out {
    let limits = state.world.limits.clone();
    let standing = state.buckets.take(&limits, &request.method, &request.path);
    if standing.exceeded {
        let Standing { reset_after, global, .. } = standing;
        let mut out = Out::too_many(reset_after, global);
        if !global {
            out.headers = standing.headers();
        }
        return out;
    }
    let done = if readable {
        route::go(state, request)
    } else {
        Err(Refused::new(400, 50109, "The request body contains invalid JSON."))
    };
    let mut out = match done {
        Ok(Answer { status, body }) => Out { status, body, headers: Vec::new() },
        Err(refused) => Out::refused(&refused),
    };
    out.headers = standing.headers();
    out
}

fn into_response(out: Out) -> Response<Body> {
    let body = out.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut response = Response::new(body);
    *response.status_mut() = out.status.try_into().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("via", HeaderValue::from_static("1.1 google"));
    for (name, value) in out.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The parts of a path behind `/api/v10`, each decoded.
fn segments(path: &str) -> Vec<String> {
    let rest = path.strip_prefix("/api/v10/").unwrap_or_default();
    rest.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(&value.replace('+', " ")))).collect()
}

/// Percent-encoding undone; what is not encoded right is left as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let code = code.and_then(|two| u8::from_str_radix(two, 16).ok());
        if let (b'%', Some(byte)) = (first, code) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
